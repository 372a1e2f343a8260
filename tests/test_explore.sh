#!/usr/bin/env bash
# rattan explore: bad input writes nothing; a small exploration gives a page, its data and a summary that agree; the page is
# drawn without an error by a browser, where there is one.
. "$(dirname "$0")/lib.sh"
spec="$SOURCE/specs/tiny.lua"
page="$TMP/report.html"
data="$TMP/report.json"

# ---- What cannot be: an error with a remedy in one line, and no file
refused() { # refused NAME PATTERN ARGUMENTS...
    local name=$1 pattern=$2
    shift 2
    expect_error 2 "$name" "$pattern" "$RATTAN" explore "$@"
    if [ -e "$page" ] || [ -e "$data" ]; then not_ok "$name writes nothing" "$(ls "$TMP")"; else ok "$name writes nothing"; fi
}
refused "a window of 0" "'0' is not a whole number in range .*64:4096" "$spec" --windows 0 -o "$page"
refused "a range that falls" 'smaller end first' "$spec" --windows 64:32 -o "$page"
refused "a window that is none" 'not a whole number' "$spec" --windows wide -o "$page"
refused "more windows than there may be" 'number in range' "$spec" --windows 1:64:65 -o "$page"
refused "a context below a window" 'context 1k is below the window 4k.*begin with 4k' "$spec" --windows 64:4096 --contexts 1k:8k -o "$page"
refused "a map that is none" 'unknown feature map .*softmax2' "$spec" --maps softmax2,frob -o "$page"
refused "an empty list of maps" 'no name' "$spec" --maps , -o "$page"
refused "a budget that is none" 'budget' "$spec" --budget soon -o "$page"
refused "a folder that is not there" 'no folder .*mkdir' "$spec" -o "$TMP/nowhere/report.html"
refused "a folder for a file" 'is a folder' "$spec" -o "$TMP"
refused "the standard output" 'not written to the standard output .*report.html; --json' "$spec" -o -
refused "a name for the data" "'$data' is a name for data .*-o $page, or take --json" "$spec" -o "$data"
refused "a range that is none" 'not a whole number' "$spec" --windows 4...64 -o "$page"
refused "a device" 'no regular file' "$spec" -o /dev/null
refused "full attention" 'no window to explore' "$SOURCE/specs/full_attention.lua" -o "$page"
refused "a sweep" 'stands for 8 layers .*--item' "$SOURCE/specs/window_sweep.lua" -o "$page"
refused "a kind" 'unknown option' "$spec" --kind decode -o "$page"
expect_error 4 "a target of another machine" 'does not run here' "$RATTAN" explore "$spec" --target aarch64 -o "$page"
expect_error 2 "no spec" 'no SPEC' "$RATTAN" explore

# ---- A small one
check "explore" "$RATTAN" explore "$spec" --windows 4:64 --contexts 256:2k --maps softmax2,relu2 --budget 4s -o "$page"
cp "$TMP/out" "$TMP/summary"
summary=$(cat "$TMP/summary")
expect_text "the summary counts" "$summary" '^tiny +fp32 on host: 5 windows x 4 contexts x 2 maps, [0-9]+ points measured in [0-9]+ s$'
for kind in forward decode backward; do
    for map in softmax2 relu2; do expect_text "the summary has $kind, $map" "$summary" "^$kind, $map: [0-9]+ points"; done
done
equal "the spec's window is one of them: no word of it" "" "$(grep "spec's own" "$TMP/summary")"
expect_text "decoding with full attention is explained" "$summary" 'decode: full attention has no kernel of its own'
expect_text "and marks what was measured" "$summary" '[0-9] [mun]s\*'
expect_text "and names the files" "$summary" "^$page and $data$"
[ -s "$page" ] && [ -s "$data" ] && ok "both files are there" || not_ok "both files are there" "$(ls -l "$TMP")"
equal "the page asks for nothing else" "" "$(grep -oE '(src|href) *=|@import|url\(' "$page" | head)"
equal "and names no place on the network but SVG's" "" "$(grep -oE 'https?://[a-z0-9./]*' "$page" | grep -v '^http://www.w3.org/2000/svg$')"
equal "its data is in it" "" "$(grep -o '@DATA@' "$page")"
check "without -o" "$RATTAN" explore "$spec" --windows 8..16 --contexts 64 --budget 1s
expect_text "there is the summary" "$(cat "$TMP/out")" '2 windows x 1 contexts x 1 maps'
expect_text "the spec's window is not among those, and that is said" "$(cat "$TMP/out")" "The spec's own window, 4, is not among .* nearest, 8"
expect_text "and no file" "$(tail -n 1 "$TMP/out")" 'A sequence carries'
if spent=$(work_of "$RATTAN" explore "$SOURCE/specs/paper_bench.lua" --windows 64:2048 --contexts 4k:16k --budget 6s --json); then
    ok "a layer that takes long"
else
    not_ok "a layer that takes long" "$(tail -n 20 "$TMP/err")"
fi
if [ "$spent" -lt $((15 * $(nproc))) ]; then ok "takes its budget, and compilers theirs"; else not_ok "takes its budget, and compilers theirs" "$spent s of work"; fi
check "one window" "$RATTAN" explore "$spec" --windows 8 --contexts 64 --budget 1s --json
cp "$TMP/out" "$TMP/one.json"

# ---- The data
if command -v python3 >/dev/null; then
    cat >"$TMP/data.py" <<'PYTHON'
import json, sys
x = json.load(open(sys.argv[1]))
one = json.load(open(sys.argv[2]))
assert one["windows"] == [8] and one["contexts"] == [64], one["windows"]
assert x["windows"] == [4, 8, 16, 32, 64] and x["contexts"] == [256, 512, 1024, 2048] and x["maps"] == ["softmax2", "relu2"]
assert [k["kind"] for k in x["kinds"]] == ["forward", "decode", "backward"]
for kind in x["kinds"]:
    assert [s["map"] for s in kind["series"]] == [None, "softmax2", "relu2"]
    for series in kind["series"]:
        cells = series["cells"]
        assert series["missing"] is None and len(cells) == (4 if series["map"] is None else 20), (kind["kind"], series["map"])
        assert all(0 < c["seconds"] < 10 for c in cells)
        assert all(c["useful_flops"] > 0 and c["bytes"] > 0 for c in cells if kind["kind"] != "decode" or c["window"])
        points = {(p["window"], p["context"]): p for p in series["points"]}
        if kind["kind"] == "forward" and series["map"]:
            assert {w for w, c in points} >= {4, 16, 64} and len(points) <= 7, points.keys()
            assert any(c["measured"] for c in cells) and any(not c["measured"] for c in cells)
        for c in cells:
            if c["measured"] and kind["kind"] != "decode":
                assert abs(points[c["window"], c["context"]]["seconds"] / c["seconds"] - 1) < 1e-5
        if kind["kind"] != "decode":   # longer contexts take longer
            for window in {c["window"] for c in cells}:
                times = [c["seconds"] for c in cells if c["window"] == window and not c["measured"]]
                assert times == sorted(times), (kind["kind"], window, times)
    # tiny: 2 heads of 16 columns in float32 are 128 bytes a key, the state of 2 x 16 x 8 floats is worth 8 keys
    assert len(kind["break_even"]) == 10
    for name in x["maps"]:
        evens = [b for b in kind["break_even"] if b["map"] == name]
        places = [b["context"] or 1 << 25 for b in evens]
        assert places == sorted(places), evens
        measured = max(min(p["context"] for p in s["points"]) for s in kind["series"] if s["points"] and s["map"] in (None, name))
        for b, place in zip(evens, places):
            early, late = b["early"] or 1 << 25, b["late"] or 1 << 25
            assert early <= place <= late and b["words"].replace("<=", "").split(" (")[0] == str(b["context"] or "not found"), b
            assert (place == b["window"] + 9 and b["from"] == "bytes") if kind["kind"] == "decode" else place > b["window"] and place >= measured, b
    for series in kind["series"]:
        assert series["known"] >= max([p["context"] for p in series["points"]] or [1]) or kind["kind"] == "decode", series["known"]
        assert series["far"] is None or (series["far"]["beyond"] > 1 and series["far"]["context"] <= 2048), series["far"]
        for c in series["cells"]:
            assert c["measured"] or c["beyond"] >= 1, c
# What is concluded is said once: the terminal has every sentence of the data.
summary = open(sys.argv[3]).read().splitlines()
assert [c["map"] for c in x["conclusions"]] == x["maps"]
for of_map in x["conclusions"]:
    assert len(of_map["sentences"]) >= 5 and all("  " + s in summary for s in of_map["sentences"]), of_map
assert x["model_times"] is None
# tiny: 2 heads of 8 columns in float32; both maps have 16 features.
for row in x["memory"]["layer"]:
    assert row["ring_bytes"] == row["window"] * 2 * 16 * 4, row
    assert row["state_bytes"] == 2 * 16 * 8 * 4, row
assert [f["bytes"] for f in x["memory"]["full"]] == [c * 2 * 16 * 4 for c in x["contexts"]] and x["memory"]["model"] is None
for of in x, one:   # where cells come from is told as it is
    land = of["landscape"]
    count = sum(1 for r in land["cells"] for c in r if c and c["measured"])
    told = "the default and %d schedules measured, the others " % (count - 1) if count > 1 else "the default measured, all others "
    assert land["source"].startswith(told), (count, land["source"])
land = x["landscape"]
row, column = land["default"]
assert abs(land["cells"][row][column]["ratio"] - 1) < 1e-9 and land["cells"][row][column]["measured"]
assert len(land["cells"]) == len(land["chunks"]) and all(len(r) == len(land["key_tiles"]) for r in land["cells"])
assert any(c and c["measured"] for r in land["cells"] for c in r) and any(c and not c["measured"] for r in land["cells"] for c in r)
assert x["tiles"]["window"] == 4 and x["tiles"]["chunk"] >= 1
PYTHON
    check "the data is what it should be" python3 "$TMP/data.py" "$data" "$TMP/one.json" "$TMP/summary"
    # The landscape of a layer that was tuned is the database's.
    "$RATTAN" tune "$spec" --set window=8 --shapes B=1,T=256 --budget 3s >/dev/null 2>&1
    check "after tuning" "$RATTAN" explore "$spec" --set window=8 --windows 8 --contexts 64 --budget 1s --json
    expect_text "the landscape comes from the database, or is measured where that knows little" "$(cat "$TMP/out")" \
        '"source": "(the tuning database: |the default .*measured, .*the tuning database knows too few)'
    # A model: 27 layers with a window, 9 that see all; 4 heads of keys and values of 128 columns in bf16, 256 features.
    check "a model" "$RATTAN" explore "$SOURCE/specs/local_global.lua" --windows 64,128 --contexts 256,1k --budget 3s --json
    cp "$TMP/out" "$TMP/model.json"
    cat >"$TMP/model.py" <<'PYTHON'
import json, sys
x = json.load(open(sys.argv[1]))
m = x["memory"]["model"]
key = 4 * 256 * 2
assert m["name"] == "local_global" and m["layers"] == 36
assert [f["bytes"] for f in m["full"]] == [36 * c * key for c in (256, 1024)]
for r in m["rows"]:
    assert r["bytes"] == 27 * (r["window"] * key + 4 * 256 * 128 * 4) + 9 * r["context"] * key, r
# Its times: those of 27 layers with the window and of 9 with full attention.
kinds = {k["kind"]: {s["map"]: {(c["window"], c["context"]): c["seconds"] for c in s["cells"]} for s in k["series"]} for k in x["kinds"]}
times = x["model_times"]
assert times["derived"] and times["layers"] == 36 and len(times["rows"]) == 3 * 2 * 2
for r in times["rows"]:
    layer, full = kinds[r["kind"]]["softmax2"][r["window"], r["context"]], kinds[r["kind"]][None][None, r["context"]]
    assert abs(r["seconds"] / (27 * layer + 9 * full) - 1) < 1e-5 and abs(r["full_seconds"] / (36 * full) - 1) < 1e-5, r
assert any("all 36 layers" in s and "derived" in s for s in x["conclusions"][0]["sentences"])
PYTHON
    check "has the memory of all its layers" python3 "$TMP/model.py" "$TMP/model.json"
else
    skip "the data" "no python3"
fi

# ---- The page, as a browser draws it
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -z "$browser" ]; then
    skip "the page in a browser" "no chromium"
    exit
fi
if [ -n "${RATTAN_SANITIZED:-}" ]; then
    skip "the page in a browser" "the page does not depend on the build"
    exit
fi
# see NAME [OPTION...]: the page with a script behind it that says what has been drawn; $TMP/dom, $TMP/console.
cat >"$TMP/look.js" <<'SCRIPT'
<script>
const boxes = [...document.querySelectorAll('figure svg')].map(s => s.getBoundingClientRect()), marks = document.querySelectorAll('svg .mark');
const outside = [...document.querySelectorAll('figure')].filter(f => f.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
const small = boxes.filter(b => b.width < 280 || b.height < 180), texts = [...document.querySelectorAll('svg text')];
const bad = texts.filter(t => /NaN|undefined|Infinity/.test(t.textContent));
/* How large text is drawn, at its smallest, and how many columns of panels there are. */
const size = () => Math.min(...[...document.querySelectorAll('figure svg')].map(s => s.getBoundingClientRect().width / s.viewBox.baseVal.width)).toFixed(2);
const columns = () => getComputedStyle(document.querySelector('.panels')).gridTemplateColumns.split(' ').length;
const layouts = [`screen:${columns()}x${size()}`];
document.body.style.width = '390px';
dispatchEvent(new Event('resize'));
layouts.push(`phone:${columns()}x${size()}`);
dispatchEvent(new Event('beforeprint'));
document.body.style.width = '740px';
layouts.push(`paper:${columns()}x${size()}`);
document.body.style.width = '';
dispatchEvent(new Event('afterprint'));
layouts.push(`screen:${columns()}x${size()}`);
const said = [...document.querySelectorAll('#conclusions li')].map(li => li.textContent), words = data.conclusions[0].sentences;
const ticks = [...document.querySelectorAll('svg[aria-label="roofline"] .tick')].map(t => t.textContent.replace(/[^0-9.]/g, ''));
const frames = [...document.querySelectorAll('svg rect')].filter(r => r.getAttribute('stroke-width') === '3.2').length;
const heads = [...document.querySelectorAll('th')].filter(th => th.querySelector('.plain').textContent + '' !== th.querySelector('button').textContent).length;
document.querySelector('th button').click();
/* A drawing is one stop of the Tab key; arrows go on in it, to its ends, and Escape takes the words away. */
const drawings = [...document.querySelectorAll('figure svg')], stops = drawings.map(s => s.querySelectorAll('[tabindex="0"]').length);
const press = key => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
drawings[0].querySelector('[tabindex="0"]').focus();
const inside = [...drawings[0].querySelectorAll('[tabindex]')], walked = [];
for (const key of ['ArrowRight', 'ArrowDown', 'ArrowLeft', 'Home', 'ArrowUp', 'End', 'ArrowRight'])
  press(key), walked.push(inside.indexOf(document.activeElement));
const told = getComputedStyle(document.getElementById('tip')).display;
press('Escape');
const keys = stops.every(n => n === 1) && walked.join() === [1, 2, 1, 0, 0, inside.length - 1, inside.length - 1].join() && told === 'block' &&
  getComputedStyle(document.getElementById('tip')).display === 'none';
const scrolls = [...document.querySelectorAll('.scroll')].every(s => s.tabIndex === 0 && s.getAttribute('aria-label'));
document.body.append(Object.assign(document.createElement('pre'), { id: 'seen', textContent:
  `plots=${boxes.length} small=${small.length} marks=${marks.length} outside=${outside.length} bad=${bad.length} rows=${document.querySelectorAll('tbody tr').length} ` +
  `sorted=${document.querySelector('th').getAttribute('aria-sort')} trouble=${getComputedStyle(document.getElementById('trouble')).display} ` +
  `layouts=${layouts} said=${said.length > 4 && said.join() === words.join()} ticks=${ticks.length >= 6 && ticks.every(t => t.replace(/[.]|0+$/g, '').length <= 2)} ` +
  `keys=${keys} scrolls=${scrolls} default=${frames} heads=${heads} open=${document.querySelectorAll('details[open]').length} page=${getComputedStyle(document.body).backgroundColor.replace(/ /g, '')}` }));
</script>
SCRIPT
cat "$page" "$TMP/look.js" >"$TMP/looked.html"
see() {
    timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$TMP/profile" --window-size=1240,900 \
        --enable-logging=stderr --v=0 "$@" --dump-dom "file://$TMP/looked.html" >"$TMP/dom" 2>"$TMP/console"
    sed -n 's/.*<pre id="seen">\(.*\)<\/pre>.*/\1/p' "$TMP/dom"
}
light=$(see)
if [ -z "$light" ]; then
    skip "the page in a browser" "the browser does not start here"
    exit
fi
equal "no error in the console" "" "$(grep -iE 'CONSOLE|Uncaught' "$TMP/console")"
expect_text "all plots are there, none too small, nothing sticks out" "$light" '^plots=11 small=0 marks=[0-9]{3,} outside=0 bad=0 '
expect_text "tables have rows and sort" "$light" ' rows=[0-9]{3,} sorted=ascending trouble=none '
expect_text "text keeps its size on a screen, a phone and paper" "$light" 'layouts=screen:3x(0\.9[5-9]|1\.[0-9]+),phone:1x(0\.9[5-9]|1\.[0-9]+),paper:2x(0\.9[5-9]|1\.[0-9]+),screen:3x'
expect_text "its conclusions are those of the data, its ticks round" "$light" ' said=true ticks=true '
expect_text "a figure is one stop of the Tab key, arrows go through it, tables are scrolled by keys" "$light" ' keys=true scrolls=true '
expect_text "the default schedule is marked, heads of tables print, long tables are closed" "$light" ' default=1 heads=0 open=0 '
expect_text "light" "$light" 'page=rgb\(255,255,255\)'
dark=$(see --blink-settings=preferredColorScheme=0)
equal "no error in the dark" "" "$(grep -iE 'CONSOLE|Uncaught' "$TMP/console")"
expect_text "dark" "$dark" '^plots=11 small=0 .*page=rgb\(18,22,27\)'
check "a screenshot" timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$TMP/profile" \
    --window-size=1240,2600 --screenshot="$TMP/shot.png" "file://$page"
[ "$(wc -c <"$TMP/shot.png")" -gt 100000 ] && ok "has something on it" || not_ok "has something on it" "$(ls -l "$TMP/shot.png")"
