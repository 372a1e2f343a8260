"""Rows of `rattan bench --target cuda` beside the peers' times, as JSON and as a table.

In:  RATTAN (the program), the arguments of bench/gpu.sh. Out: FOLDER/gpu-DEVICE.json and .md.
Always: a row that cannot be run says why in the table; the device, the driver and the ceilings of the same call stand above
it. The peers' scripts lie in .carry/peers and are run as they are.
"""

import argparse
import glob
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SPEC = "specs/paper_d128.lua"
NO_ROPE = ["rope=false"]
D64 = NO_ROPE + ["head_dim=64", "value_dim=64"]
D256 = NO_ROPE + ["heads=16", "kv_heads=8", "head_dim=256", "value_dim=256"]
# name, fields set, kind, shape, the configuration that the peers' scripts call so
ROWS = [
    ("forward B4 T4096", NO_ROPE, "forward", "B=4,T=4096", "B4H32/8T4096D128w511"),
    ("forward B4 T4096, RoPE", [], "forward", "B=4,T=4096", None),
    ("forward B4 T4096, fp16", NO_ROPE + ["dtype=fp16"], "forward", "B=4,T=4096", None),
    ("forward B2 T8192", NO_ROPE, "forward", "B=2,T=8192", "B2H32/8T8192D128w511"),
    ("forward B1 T32768", NO_ROPE, "forward", "B=1,T=32768", "B1H32/8T32768D128w511"),
    ("forward B4 T4096 D64", D64, "forward", "B=4,T=4096", "B4H32/8T4096D64w511"),
    ("forward B2 H16 T8192 D256", D256, "forward", "B=2,T=8192", "B2H16/8T8192D256w511"),
    ("forward B4 T4096 W1024", NO_ROPE + ["window=1024"], "forward", "B=4,T=4096", "B4H32/8T4096D128w1023"),
    ("forward B4 T4096, fp32", NO_ROPE + ["dtype=fp32"], "forward", "B=4,T=4096", None),
    ("extend B16 T512", NO_ROPE, "extend", "B=16,T=512", None),
    ("forward B16 T512", NO_ROPE, "forward", "B=16,T=512", None),
    ("decode B1", NO_ROPE, "decode", "B=1", "decode B1H32/8D128w511"),
    ("decode B16", NO_ROPE, "decode", "B=16", "decode B16H32/8D128w511"),
    ("decode B64", NO_ROPE, "decode", "B=64", "decode B64H32/8D128w511"),
    ("decode B256", NO_ROPE, "decode", "B=256", "decode B256H32/8D128w511"),
]
PEERS = ["composite", "flex_swa", "cudnn_swa", "fla_rla_chunk", "sdpa_full_cudnn", "decode_compiled_graph"]


def run_row(rattan, row):
    """The JSON of one row; {"refused": why} where rattan does not do it."""
    _, fields, kind, shape, _ = row
    command = [rattan, "bench", SPEC, "--target", "cuda", "--kind", kind, "--shape", shape, "--json"]
    for field in fields:
        command += ["--set", field]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        return {"refused": ran.stderr.strip().removeprefix("rattan: ")[:300]}
    return json.loads(ran.stdout)


def run_rattan(only):
    results = []
    for row in ROWS:
        if only and only not in row[0]:
            continue
        result = {"row": row[0], "peer": row[4], **run_row(os.environ["RATTAN"], row)}
        results.append(result)
        print(row[0], result.get("ms_median", result.get("refused")), file=sys.stderr, flush=True)
    return results


def run_script(arguments, environment, result):
    ran = subprocess.run([sys.executable, *arguments], env=environment, check=False, stdout=sys.stderr)
    return json.loads(pathlib.Path(result).read_text()) if ran.returncode == 0 else []


def run_peers():
    """Both scripts in processes of their own; {configuration: {peer: milliseconds}}."""
    folder, times = tempfile.mkdtemp(), {}
    site = os.path.join(folder, "site")
    wheels = glob.glob(".carry/wheels/*.whl")
    if wheels:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", site, *wheels]
        subprocess.run(pip, check=True, stdout=sys.stderr)
    path = os.pathsep.join([site, os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "OUT": folder, "PYTHONPATH": path}
    rows = run_script([".carry/peers/gpu_peers.py", "prefill", "decode"], environment, f"{folder}/gpu_peers.json")
    rows += run_script([".carry/peers/cudnn_swa_jax.py"], environment, f"{folder}/cudnn_swa.json")
    for row in rows:
        if "cfg" in row:
            times.setdefault(row["cfg"], {})[row["what"]] = row.get("fwd_ms", row.get("ms"))
    return times


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


def table_head(first):
    product = first.get("matmul_peak")
    return [
        f"# Times on one {first.get('device', 'GPU')}",
        "",
        f"Target {first.get('target')}, driver for CUDA {first.get('driver', 0) // 1000}.{first.get('driver', 0) % 1000 // 10}. "
        "Milliseconds, medians; every launch finds its inputs outside the L2 cache. "
        "The layer is specs/paper_d128.lua in bf16 without RoPE unless the row says otherwise.",
        "Ceilings in the same call: "
        f"bf16 product {'not known' if not product else f'{product / 1e12:.0f} TFLOP/s'}, "
        f"copy {first.get('copy_bandwidth', 0) / 1e12:.2f} TB/s (read and written).",
        "",
    ]


def phases(result):
    """Where the time goes: each kernel alone."""
    return ", ".join(f"{p['phase'].removeprefix('forward_')} {p['ms']:.3f} ({p['registers']} registers)" for p in result["phases"])


def table(results, peers, hand):
    names = [name for name in PEERS if any(name in times for times in peers.values())]
    columns = ["row", "rattan", "in a graph", "of the product", "of the copy", *(["by hand"] if hand else []), *names]
    lines = table_head(next((r for r in results if "device" in r), {}))
    lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for r in results:
        theirs = peers.get(r["peer"], {})
        if "refused" in r:
            cells = [r["row"], "not yet", "", "", ""]
        else:
            product = r["share_of_matmul_peak"]
            cells = [r["row"], f"**{number(r['ms_median'])}**", number(r["ms_graph"]), "" if product is None else f"{product:.0%}",
                     f"{r['share_of_copy_bandwidth']:.0%}"]
        cells += [number(hand.get(r["peer"]))] if hand else []
        cells += [number(theirs.get(name)) for name in names]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [""] + [f"- {r['row']}: {phases(r)}" for r in results if "phases" in r]
    refused = [f"- {r['row']}: {r['refused']}" for r in results if "refused" in r]
    return "\n".join(lines + refused) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--only", help="rows whose name has this word")
    parser.add_argument("folder", nargs="?", default="bench/results")
    arguments = parser.parse_args()
    results = run_rattan(arguments.only)
    if all("refused" in r for r in results):
        sys.exit(f"gpu_bench: nothing can be timed here: {results[0]['refused'] if results else 'no such row'}")
    peers, hand = (run_peers(), hand_written()) if arguments.peers else ({}, {})
    device = next((r["device"] for r in results if "device" in r), "none")
    name = "gpu-" + re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")
    folder = pathlib.Path(arguments.folder)
    folder.mkdir(parents=True, exist_ok=True)
    everything = {"rattan": results, "peers": peers, "by_hand": hand}
    (folder / f"{name}.json").write_text(json.dumps(everything, indent=1) + "\n")
    text = table(results, peers, hand)
    (folder / f"{name}.md").write_text(text)
    print(text)


main()
