#!/usr/bin/env python3
"""The whole layer as a PyTorch user would build it on a CPU: what rattan is compared with.

In:  the shape, the number of threads. Out: one JSON object on stdout: every variant with its time and error, and the
best of them. Without PyTorch: {"skipped": reason} and exit code 0, since the comparison is optional.
Always: each result is held against a dense float64 evaluation of the definition; a variant that is wrong is never best.
What PyTorch can prepare (block masks, RoPE tables, compilation) happens outside the timing.
"""

import argparse
import json
import statistics
import sys
import time


def skip(reason):
    print(json.dumps({"skipped": reason}))
    sys.exit(0)


try:
    import torch
    import torch.nn.functional as F
except ImportError as error:
    skip(f"PyTorch is not installed here: {error}")

EPS = 1e-8
CHUNK = 128  # of the linear branch; at the default shape 64 is as fast, 256 slower
TOLERANCE = 1e-4  # float32 against float64; a wrong mask is off by far more


def feature_map(x):
    return torch.cat((x.softmax(-1), (-x).softmax(-1)), -1)


def rms(x, gain):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPS) * gain[:, None]


def rope_tables(tokens, dim, theta):
    inverse = theta ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angle = torch.arange(tokens, dtype=torch.float64)[:, None] * inverse
    return angle.cos().float(), angle.sin().float()


def rope(x, tables):
    """Interleaved pairs: (x0, x1), (x2, x3) ..."""
    if tables is None:
        return x
    cos, sin = (table.to(x.dtype) for table in tables)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


# The softmax branch. q is [1, H, T, D], k and v are [1, Hk, T, D]; RoPE has been applied.


def window_mask(tokens, window):
    i = torch.arange(tokens)
    return (i[None] <= i[:, None]) & (i[None] > i[:, None] - window)


def softmax_dense(args):
    mask = window_mask(args.tokens, args.window)
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)


def softmax_blocked(args, rows):
    """Blocks of queries, each against the keys its window can reach: no work on tiles outside the window."""
    blocks, reach = -(-args.tokens // rows), args.window + rows
    pad = blocks * rows - args.tokens
    i = torch.arange(rows)[:, None] + args.window
    j = torch.arange(reach)[None]
    inside = (j <= i) & (j > i - args.window)
    key = torch.arange(blocks)[:, None, None] * rows - args.window + j
    bias = torch.zeros(blocks, 1, rows, reach).masked_fill(~(inside & (key >= 0))[:, None], float("-inf"))

    def run(q, k, v):
        heads, dim = q.shape[1], q.shape[3]
        q = F.pad(q[0], (0, 0, 0, pad)).view(heads, blocks, rows, dim).transpose(0, 1)
        k, v = (F.pad(x[0], (0, 0, args.window, pad)).unfold(1, reach, rows).permute(1, 0, 3, 2) for x in (k, v))
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, enable_gqa=True)
        return o.transpose(0, 1).reshape(1, heads, blocks * rows, -1)[:, :, : args.tokens]

    return run


def softmax_flex(args):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    def inside(b, h, i, j):
        return (j <= i) & (j > i - args.window)

    mask = create_block_mask(inside, None, None, args.tokens, args.tokens, device="cpu")
    compiled = torch.compile(flex_attention, dynamic=False)
    return lambda q, k, v: compiled(q, k, v, block_mask=mask, enable_gqa=True)


# The residual branch: the keys that left the window are the keys shifted by it: plain causal linear attention.


def linear_dense(args):
    i = torch.arange(args.tokens)
    mask = (i[None] <= i[:, None] - args.window).float()

    def run(q, k, v):
        group = q.shape[1] // k.shape[1]
        k, v = feature_map(k).repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        return (feature_map(q) @ k.mT * mask) @ v

    return run


def linear_chunked(args):
    chunks = -(-args.tokens // CHUNK)
    pad = chunks * CHUNK - args.tokens

    def run(q, k, v):
        heads, kv_heads, dim = q.shape[1], k.shape[1], q.shape[3]
        group = heads // kv_heads
        causal = torch.ones(CHUNK, CHUNK, dtype=torch.bool).tril().repeat(group, 1)
        q = feature_map(F.pad(q, (0, 0, 0, pad))).view(kv_heads, group, chunks, CHUNK, -1)
        q = q.transpose(1, 2).reshape(kv_heads, chunks, group * CHUNK, -1)
        k, v = (F.pad(x, (0, 0, args.window, pad))[:, :, : chunks * CHUNK] for x in (k, v))
        k = feature_map(k).view(kv_heads, chunks, CHUNK, -1)
        v = v.view(kv_heads, chunks, CHUNK, -1)
        state = (k.mT @ v).cumsum(1)
        before = torch.cat((torch.zeros_like(state[:, :1]), state[:, :-1]), 1)
        o = q @ before + (q @ k.mT).masked_fill(~causal, 0) @ v
        o = o.view(kv_heads, chunks, group, CHUNK, dim).transpose(1, 2)
        return o.reshape(1, heads, chunks * CHUNK, dim)[:, :, : args.tokens]

    return run


def reference(q, k, v, gains, tables, window):
    """The definition in float64, a head at a time."""
    q, k, v = (x.double() for x in (q, k, v))
    group, dim, tokens = q.shape[1] // k.shape[1], q.shape[3], q.shape[2]
    inside, i = window_mask(tokens, window), torch.arange(tokens)
    outside = i[None] <= i[:, None] - window
    heads = []
    for h in range(q.shape[1]):
        qh, kh, vh = q[0, h], k[0, h // group], v[0, h // group]
        score = (rope(qh, tables) @ rope(kh, tables).mT) * dim**-0.5
        swa = score.masked_fill(~inside, float("-inf")).softmax(-1) @ vh
        rla = (feature_map(qh) @ feature_map(kh).mT).masked_fill(~outside, 0) @ vh
        heads.append(sum(rms(x[None], g[h : h + 1].double()) for x, g in zip((swa, rla), gains))[0])
    return torch.stack(heads)[None]


def measure(run, seconds):
    run(), run()
    times, stop = [], time.perf_counter() + seconds
    while len(times) < 5 or (time.perf_counter() < stop and len(times) < 200):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return {"ms_median": statistics.median(times), "ms_min": min(times), "ms_max": max(times)}


def whole_layer(softmax, linear, tables, gains):
    def run(q, k, v):
        swa = softmax(rope(q, tables), rope(k, tables), v)
        return rms(swa, gains[0]) + rms(linear(q, k, v), gains[1])

    return run


def variants(args):
    """name, makers of both branches (some need a compiler, so: late), whether all of it goes through torch.compile."""
    dense, chunked = (lambda: linear_dense(args)), (lambda: linear_chunked(args))
    yield "dense", lambda: softmax_dense(args), dense, False
    yield "sdpa masked + chunked linear", lambda: softmax_dense(args), chunked, False
    yield "sdpa in blocks of 128 + chunked linear", lambda: softmax_blocked(args, 128), chunked, False
    yield "sdpa in blocks of 256 + chunked linear", lambda: softmax_blocked(args, 256), chunked, False
    if args.no_compile:
        return
    yield "sdpa in blocks of 256 + chunked linear, all compiled", lambda: softmax_blocked(args, 256), chunked, True
    yield "FlexAttention + chunked linear", lambda: softmax_flex(args), chunked, False
    yield "FlexAttention + chunked linear compiled", lambda: softmax_flex(args), lambda: torch.compile(chunked()), False


def run_variant(name, make_softmax, make_linear, compiled, tables, gains, inputs, want, seconds):
    row = {"name": name}
    try:
        layer = whole_layer(make_softmax(), make_linear(), tables, gains)
        layer = torch.compile(layer, dynamic=False) if compiled else layer
        got = layer(*inputs).double()
        row["error"] = ((got - want).norm() / want.norm()).item()
        row["correct"] = row["error"] < TOLERANCE
        row.update(measure(lambda: layer(*inputs), seconds))
    except Exception as error:  # a compiler is missing, an operator is: the other variants still count
        row["failed"] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    print(f"peers_cpu: {json.dumps(row)}", file=sys.stderr)
    return row


def arguments():
    parser = argparse.ArgumentParser(description="RATTENTION in PyTorch on the CPU, its best variant")
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--kv-heads", type=int, default=2)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--theta", type=float, default=500000, help="of RoPE (interleaved); 0: none")
    parser.add_argument("--seconds", type=float, default=3, help="of timing a variant")
    parser.add_argument("--no-compile", action="store_true", help="leave out the variants that torch.compile makes")
    return parser.parse_args()


@torch.inference_mode()
def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    shape = lambda heads: (1, heads, args.tokens, args.dim)
    inputs = torch.randn(shape(args.heads)), torch.randn(shape(args.kv_heads)), torch.randn(shape(args.kv_heads))
    gains = 1 + 0.1 * torch.randn(2, args.heads, args.dim)
    tables = rope_tables(args.tokens, args.dim, args.theta) if args.theta else None
    want = reference(*inputs, gains, tables, args.window)
    rows = [run_variant(*variant, tables, gains, inputs, want, args.seconds) for variant in variants(args)]
    good = [row for row in rows if row.get("correct") and "ms_median" in row]
    best = min(good, key=lambda row: row["ms_median"]) if good else None
    settings = {key: value for key, value in vars(args).items() if key not in ("seconds", "no_compile")}
    print(json.dumps({"torch": torch.__version__, **settings, "dtype": "fp32", "best": best, "variants": rows}))


if __name__ == "__main__":
    main()
