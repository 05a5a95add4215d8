"""Neural networks from scratch in NumPy, every gradient checked.

One module per idea. Each public function is built, step by step, in a chapter of the
book; only `interactive`, which draws, is not. Conventions hold everywhere: rows are
samples, X is (n, d), W is (d_in, d_out), losses are means over the batch, and a
gradient has the shape of its parameter.
"""
