"""Words placed in audio by hidden Markov models with Gaussian mixtures: what forced alignment computes."""
