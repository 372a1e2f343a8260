"""What users run on a GPU today, most telling rows first, within a budget of seconds.

In:  the scripts of .carry/peers, whose layers are timed as they are; --seconds; --parts, of torch, decode, cudnn.
Out: after each configuration a line on stdout, a JSON object of all that is known, {configuration: {peer: milliseconds}};
what fails or no longer fits is said on stderr.
Always: the peers' own compilation and tuning happen outside the timing; they take most of the budget.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time

START = time.monotonic()
# B, H, Hk, T, D, keys left of the query
CONFIGURATIONS = [
    (4, 32, 8, 4096, 128, 511),
    (1, 32, 8, 32768, 128, 511),
    (4, 32, 8, 4096, 64, 511),
    (2, 16, 8, 8192, 256, 511),
    (2, 32, 8, 8192, 128, 511),
    (4, 32, 8, 4096, 128, 1023),
]
BATCHES = [1, 16, 64, 256]


def tag(B, H, Hk, T, D, w):
    return f"B{B}H{H}/{Hk}T{T}D{D}w{w}"


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def load(path):
    """A peers' script as a module. With no words on its command line it measures its ceilings and defines its layers."""
    spec = importlib.util.spec_from_file_location("peers", path)
    module = importlib.util.module_from_spec(spec)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        os.environ["OUT"], sys.argv = folder, [path]
        spec.loader.exec_module(module)
    return module


def each(name, values, seconds, times, run):
    """Runs what begins within the budget, {peer: milliseconds} by configuration; a failure costs its own row."""
    for value in values:
        if time.monotonic() - START > seconds:
            say(f"{name} {value}: no time left")
            continue
        try:
            with contextlib.redirect_stdout(sys.stderr):
                for configuration, found in run(value):
                    times.setdefault(configuration, {}).update(found)
            print(json.dumps(times), flush=True)
        except Exception as error:  # of a peer's: reported, not ours to handle
            say(f"{name} {value}: {error!r}"[:300])


def torch_peers(parts, seconds, times):
    import triton

    peers = load(".carry/peers/gpu_peers.py")
    # Backward passes, which hand over the tensors whose gradients they make, are left out.
    peers.bench = lambda f, grad=None: (
        float("nan") if grad else triton.testing.do_bench(f, warmup=25, rep=100, return_mode="median")
    )

    def run(function, *values):
        before = len(peers.rows)
        function(*values)
        return [(row["cfg"], {row["what"]: row.get("fwd_ms", row.get("ms"))}) for row in peers.rows[before:]]

    if "decode" in parts:
        each("decode", BATCHES, seconds, times, lambda B: run(peers.decode, B, 32, 8, 128, 511))
    if "torch" in parts:
        each("torch", CONFIGURATIONS, seconds, times, lambda c: run(peers.run_cfg, *c))


def in_a_row(run, *arguments):
    """Milliseconds of a launch: launches in a row, divided."""
    import jax

    jax.block_until_ready([run(*arguments) for _ in range(3)])
    rounds = []
    for _ in range(7):
        start = time.perf_counter()
        jax.block_until_ready([run(*arguments) for _ in range(20)][-1])
        rounds.append((time.perf_counter() - start) / 20 * 1e3)
    return statistics.median(rounds)


def cudnn_window(configuration):
    """Milliseconds of cuDNN's sliding window through JAX, and of the same with its gradients."""
    import jax
    import jax.numpy as jnp

    B, H, Hk, T, D, w = configuration
    keys = jax.random.split(jax.random.PRNGKey(0), 4)
    q, k, v, do = (jax.random.normal(key, (B, T, heads, D), jnp.bfloat16) for key, heads in zip(keys, (H, Hk, Hk, H)))
    window = {"is_causal": True, "implementation": "cudnn", "local_window_size": (w, 0)}

    def attend(q, k, v):
        return jax.nn.dot_product_attention(q, k, v, **window)

    times = {"cudnn_swa": in_a_row(jax.jit(attend), q, k, v)}
    try:
        times["cudnn_swa with gradients"] = in_a_row(jax.jit(lambda q, k, v, do: jax.vjp(attend, q, k, v)[1](do)), q, k, v, do)
    except Exception as error:  # of wide heads cuDNN has no gradients
        say(f"cudnn gradients {configuration}: {error!r}"[:300])
    return times


def cudnn_peers(seconds, times):
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    each("cudnn", CONFIGURATIONS, seconds, times, lambda c: [(tag(*c), cudnn_window(c))])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--parts", default="torch,decode,cudnn")
    arguments = parser.parse_args()
    parts, times = arguments.parts.split(","), {}
    if "cudnn" in parts:
        cudnn_peers(arguments.seconds, times)
    if "torch" in parts or "decode" in parts:
        torch_peers(parts, arguments.seconds, times)


main()
