"""From a recording to who said what, when: a pure library, usable on a laptop, in a notebook, in a worker."""
