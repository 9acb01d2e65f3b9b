"""Speech recognition: from samples and speech regions to timed words."""
