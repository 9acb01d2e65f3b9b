"""Uploads are decoded here, in a process of their own, so that no file can hurt the worker.

`decode.decode_in_sandbox` is the way in and `stored_audio.read_flac` the way back. This file imports nothing: the
decoder's process is started for every recording and loads only what it runs on.
"""
