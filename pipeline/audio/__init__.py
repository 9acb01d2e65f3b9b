"""Audio in: probe, decode within limits, resample to 16 kHz, and make sense of channels."""

from pipeline.audio.channels import channel_is_silent, resolve_channels
from pipeline.audio.decode import decode, decode_blocks
from pipeline.audio.downmix import downmix
from pipeline.audio.probe import MediaInfo, probe
from pipeline.audio.source import AudioSource, display_name

__all__ = [
    "AudioSource",
    "MediaInfo",
    "channel_is_silent",
    "decode",
    "decode_blocks",
    "display_name",
    "downmix",
    "probe",
    "resolve_channels",
]
