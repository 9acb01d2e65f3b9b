"""Segmentation, and what can be read off it: voice activity, overlapped speech, speaker change."""
