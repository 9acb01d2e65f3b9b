"""Speed and memory, side by side with peers: same audio, same weights, same threads, rounds interleaved."""
