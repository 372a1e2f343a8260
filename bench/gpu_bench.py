"""Rows of `rattan bench --target cuda` beside the peers' times, as JSON and as tables.

In:  RATTAN (the program), the arguments of bench/gpu.sh. Out: FOLDER/gpu-DEVICE.json and .md.
Always: a row that cannot be run says why in the table; the device, the driver and the ceilings of the same call stand above
it. The peers' scripts lie in .carry/peers; bench/peers_gpu.py runs them.
"""

import argparse
import concurrent.futures
import glob
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import typing

SPEC = "specs/paper_d128.lua"


class Row(typing.NamedTuple):
    name: str
    shape: str
    fields: list  # set over those of SPEC
    must: float  # milliseconds the project holds itself to, of gradients with the forward pass; 0: none
    peer: str = ""  # what the peers' scripts call the configuration
    kind: str = "forward"
    schedule: str = ""


NO_ROPE = ["rope=false"]
D64 = NO_ROPE + ["head_dim=64", "value_dim=64"]
D256 = NO_ROPE + ["heads=16", "kv_heads=8", "head_dim=256", "value_dim=256"]
ROWS = [
    Row("forward B4 T4096", "B=4,T=4096", NO_ROPE, 0.5, "B4H32/8T4096D128w511"),
    Row("forward B4 T4096, RoPE", "B=4,T=4096", [], 0),
    Row("forward B4 T4096, fp16", "B=4,T=4096", NO_ROPE + ["dtype=fp16"], 0),
    Row("forward B4 T4096, roles=0", "B=4,T=4096", NO_ROPE, 0.9, schedule="roles=0"),
    Row("forward packed, 4 of 4096", "lengths=4096,4096,4096,4096", NO_ROPE, 0),
    Row("forward packed, 300 to 5000", "lengths=1000,5000,300,700,2300,4000,1500,1584", NO_ROPE, 0),
    Row("forward B2 T8192", "B=2,T=8192", NO_ROPE, 0, "B2H32/8T8192D128w511"),
    Row("forward B1 T32768", "B=1,T=32768", NO_ROPE, 1.25, "B1H32/8T32768D128w511"),
    Row("forward B1 T32768, RoPE", "B=1,T=32768", [], 0),
    Row("forward B4 T4096 D64", "B=4,T=4096", D64, 0.5, "B4H32/8T4096D64w511"),
    Row("forward B4 T4096 D64, RoPE", "B=4,T=4096", D64[1:], 0),
    Row("forward B2 H16 T8192 D256", "B=2,T=8192", D256, 0.9, "B2H16/8T8192D256w511"),
    Row("forward B2 H16 T8192 D256, roles=0", "B=2,T=8192", D256, 0, schedule="roles=0"),
    Row("forward B4 T4096 W1024", "B=4,T=4096", NO_ROPE + ["window=1024"], 0, "B4H32/8T4096D128w1023"),
    Row("forward B4 T4096, fp32", "B=4,T=4096", NO_ROPE + ["dtype=fp32"], 0),
    Row("decode B1", "B=1", NO_ROPE, 0.010, "decode B1H32/8D128w511", "decode"),
    Row("decode B16", "B=16", NO_ROPE, 0.028, "decode B16H32/8D128w511", "decode"),
    Row("decode B64", "B=64", NO_ROPE, 0.085, "decode B64H32/8D128w511", "decode"),
    Row("decode B256", "B=256", NO_ROPE, 0.310, "decode B256H32/8D128w511", "decode"),
    Row("forward B16 T512", "B=16,T=512", NO_ROPE, 0),
    Row("extend B16 T512, full rings", "B=16,T=512,pos=1024", NO_ROPE, 0, kind="extend"),
    Row("gradients B4 T4096", "B=4,T=4096", NO_ROPE, 3.0, "B4H32/8T4096D128w511", "backward"),
    Row("gradients B4 T4096, RoPE", "B=4,T=4096", [], 0, kind="backward"),
    Row("gradients B1 T32768", "B=1,T=32768", NO_ROPE, 6.2, "B1H32/8T32768D128w511", "backward"),
    Row("gradients B4 T4096 D64", "B=4,T=4096", D64, 2.2, "B4H32/8T4096D64w511", "backward"),
    Row("gradients B2 H16 T8192 D256", "B=2,T=8192", D256, 7.0, "B2H16/8T8192D256w511", "backward"),
]
WITH_GRADIENTS = " with gradients"  # behind a peer's name: its forward pass and its gradients
PEERS = ["composite", "flex_swa", "cudnn_swa", "fla_rla_chunk", "sdpa_full_cudnn", "decode_compiled_graph"]


def arguments_of(row, command):
    """Of `bench`, or of `compile`; the shape tells both which tuned schedule there is."""
    shape = row.shape + ",T=1" * (row.kind == "decode")
    words = [os.environ["RATTAN"], command, SPEC, "--target", "cuda", "--kind", row.kind, "--shape", shape]
    for field in row.fields:
        words += ["--set", field]
    return words + (["--schedule", row.schedule] if row.schedule else [])


def run_row(row, options):
    """The JSON of one row; {"refused": why} where rattan does not do it."""
    command = [*arguments_of(row, "bench"), "--json", *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        return {"refused": ran.stderr.strip().removeprefix("rattan: ")[:300]}
    found = json.loads(ran.stdout)
    return found[0] if isinstance(found, list) else found


def compile_rows(rows):
    """Into the cache, many at a time: what is timed afterwards runs alone."""

    def compile_one(row):
        subprocess.run(arguments_of(row, "compile"), capture_output=True, check=False)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_one, rows))


def run_rattan(rows, reps):
    results = []
    compile_rows(rows)
    for number, row in enumerate(rows):
        # Compiling cold takes seconds, three times: of the first row alone.
        options = (["--reps", str(reps)] if reps else []) + (["--compile-times"] if number == 0 else [])
        result = {"row": row.name, "peer": row.peer, "must": row.must, **run_row(row, options)}
        results.append(result)
        print(row.name, result.get("ms_median", result.get("refused")), file=sys.stderr, flush=True)
    return results


def peer_parts(seconds):
    """cuDNN's and PyTorch's in processes of their own, one after the other; {configuration: {peer: milliseconds}} of each."""
    folder = tempfile.mkdtemp()
    wheels = glob.glob(".carry/wheels/*.whl")
    if wheels:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", folder, *wheels]
        subprocess.run(pip, check=True, stdout=sys.stderr)
    path = os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])
    for parts, share in (("cudnn", 0.2), ("torch,decode", 0.8)):
        budget, log = share * seconds, pathlib.Path(folder, "times")
        command = [sys.executable, "bench/peers_gpu.py", "--parts", parts, "--seconds", str(budget)]
        with log.open("w") as out:
            try:
                subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, stdout=out, check=False, timeout=1.3 * budget)
            except subprocess.TimeoutExpired:
                print(f"peers {parts}: stopped", file=sys.stderr)
        for line in log.read_text().splitlines()[-1:]:
            yield json.loads(line)


def hand_written():
    """Milliseconds of the kernel written by hand, by the rows it serves."""
    source, program = ".carry/hopper_forward", os.path.join(tempfile.mkdtemp(), "bench")
    flags = ["-gencode=arch=compute_90a,code=sm_90a", "-O3", "-std=c++20", '-DRH="two_kernel.cuh"', "-DK1T"]
    if not os.path.isdir(source):
        return {}
    try:
        subprocess.run(["nvcc", *flags, "bench.cu", "-lcuda", "-o", program], cwd=source, check=True, stdout=sys.stderr)
        ran = subprocess.run([program, "1", "3"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"hand-written kernel: {error}", file=sys.stderr)
        return {}
    found = re.findall(r"TIME B=(\d+) T=(\d+):.*back-to-back ([0-9.]+) ms", ran.stdout)
    return {f"B{b}H32/8T{t}D128w511": float(ms) for b, t, ms in found}


def number(value, digits=3):
    return "" if value is None else f"{value:.{digits}f}"


def table_head(first, how):
    product = first.get("matmul_peak")
    cold, disk = first.get("ms_compile_cold"), first.get("ms_compile_disk")
    return [
        f"# Times on one {first.get('device', 'GPU')}",
        "",
        f"Made by `sh bench/gpu.sh {how}`. Target {first.get('target')}, driver for CUDA "
        f"{first.get('driver', 0) // 1000}.{first.get('driver', 0) % 1000 // 10}. Milliseconds, medians; every launch finds its "
        "inputs outside the L2 cache; `host`: microseconds of the caller's for a launch. The layer is specs/paper_d128.lua in "
        "bf16 without RoPE unless the row says otherwise.",
        "Ceilings in the same call: "
        f"bf16 product {'not known' if not product else f'{product / 1e12:.0f} TFLOP/s'}, "
        f"copy {first.get('copy_bandwidth', 0) / 1e12:.2f} TB/s (read and written).",
        *([f"Spec to callable kernel, first row: {cold:.0f} ms cold, {disk:.1f} ms from disk."] if cold else []),
        "",
    ]


def phases(result):
    """Where the time goes: each kernel alone."""
    return ", ".join(
        f"{p['phase'].removeprefix(result['kind'] + '_')} {p['ms']:.3f} ({p['registers']} registers)" for p in result["phases"]
    )


def markdown(columns, rows):
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]


def times_row(result):
    must = number(result["must"]) if result["must"] and not is_gradient(result) else ""
    if "refused" in result:
        return [result["row"], "not yet", "", must, "", "", ""]
    product = result["share_of_matmul_peak"]
    return [
        result["row"],
        f"**{number(result['ms_median'])}**",
        number(result["ms_graph"]),
        must,
        number(result["us_host"], 1),
        "" if product is None else f"{product:.0%}",
        f"{result['share_of_copy_bandwidth']:.0%}",
    ]


def is_gradient(result):
    return result["row"].startswith("gradients")


def ours(result):
    """Peers decode by a replayed graph."""
    return result["ms_graph" if result["kind"] == "decode" else "ms_median"]


def against(results, peers, hand):
    """Peers' milliseconds, and how many times rattan's they are."""
    everything = {cfg: {**peers.get(cfg, {}), **({"by hand": hand[cfg]} if cfg in hand else {})} for cfg in {*peers, *hand}}
    names = [name for name in ["by hand", *PEERS] if any(name in times for times in everything.values())]
    rows = []
    for result in results:
        theirs = everything.get(result["peer"])
        if theirs and "refused" not in result and not is_gradient(result):
            pairs = [(theirs.get(name), ours(result)) for name in names]
            rows.append([result["row"], *(f"{t:.3f} ({t / o:.2f}x)" if t else "" for t, o in pairs)])
    return markdown(["row", *names], rows) if rows else []


def extend_ratio(results):
    found = {r["row"]: r["ms_median"] for r in results if "ms_median" in r}
    pair = [found.get(name) for name in ("extend B16 T512, full rings", "forward B16 T512")]
    return [f"Extend takes {pair[0] / pair[1]:.2f} times as long as forward for the same new tokens.", ""] if all(pair) else []


def training(results, peers):
    """Forward passes with their gradients, as peers time them."""
    found = {r["row"]: r["ms_median"] for r in results if "ms_median" in r}
    names = [n for n in PEERS if any(n + WITH_GRADIENTS in times for times in peers.values())]
    rows = []
    for result in filter(is_gradient, results):
        pair = [found.get(name) for name in (result["row"], result["row"].replace("gradients", "forward"))]
        if all(pair):
            theirs = [peers.get(result["peer"], {}).get(name + WITH_GRADIENTS) for name in names]
            cells = [f"{t:.3f} ({t / sum(pair):.2f}x)" if t else "" for t in theirs]
            must = number(result["must"]) if result["must"] else ""
            rows.append([pair_name(result), number(pair[0]), number(pair[1]), f"**{number(sum(pair))}**", must, *cells])
    return markdown(["forward and gradients", "gradients", "forward", "together", "must", *names], rows) if rows else []


def pair_name(result):
    return result["row"].removeprefix("gradients ")


def table(results, peers, hand, how):
    lines = table_head(next((r for r in results if "device" in r), {}), how)
    columns = ["row", "rattan", "in a graph", "must", "host", "of the product", "of the copy"]
    lines += markdown(columns, [times_row(r) for r in results])
    lines += extend_ratio(results)
    lines += against(results, peers, hand)
    lines += training(results, peers)
    lines += [f"- {r['row']}: {phases(r)}" for r in results if "phases" in r]
    lines += [f"- {r['row']}: {r['refused']}" for r in results if "refused" in r]
    return "\n".join(lines) + "\n"


def write(folder, how, results, peers, hand):
    """The two files as far as they are known; what is measured later may be cut off. -> the table."""
    folder = pathlib.Path(folder)
    device = next((r["device"] for r in results if "device" in r), "none")
    name = "gpu-" + re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")
    text = table(results, peers, hand, how)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"rattan": results, "peers": peers, "by_hand": hand}, indent=1) + "\n")
    (folder / f"{name}.md").write_text(text)
    return text


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--seconds", type=float, default=150, help="the peers may take; more is left out")
    parser.add_argument("--only", help="rows whose name matches this expression")
    parser.add_argument("--reps", type=int, help="timed runs a row (default: what fits two seconds)")
    parser.add_argument("folder", nargs="?", default="bench/results")
    arguments = parser.parse_args()
    rows = [row for row in ROWS if re.search(arguments.only or "", row.name)]
    how = shlex.join(word for word in sys.argv[1:] if word != arguments.folder)
    results = run_rattan(rows, arguments.reps)
    if all("refused" in r for r in results):
        sys.exit(f"gpu_bench: nothing can be timed here: {results[0]['refused'] if results else 'no such row'}")
    peers, hand = {}, {}
    text = write(arguments.folder, how, results, peers, hand)
    if arguments.peers:
        hand = hand_written()
        text = write(arguments.folder, how, results, peers, hand)
        for part in peer_parts(arguments.seconds):
            for configuration, found in part.items():
                peers.setdefault(configuration, {}).update(found)
            text = write(arguments.folder, how, results, peers, hand)
    print(text)


main()
