"""Whisper's network on x86. CTranslate2 lays weights out anew for every product; here that is done once.

`WhisperEncoder` hears one chunk of audio, `WhisperDecoder` says what may come next of several.
"""
