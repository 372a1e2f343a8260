/* link: rattan_ir rattan_base */
/* The verifier: one case a rule. Each case is a kernel that breaks one rule; the message must name
 * the op and the rule. */
#include "tests/ir_testing.h"

typedef struct Case {
    const char *level, *body, *wanted; /* wanted: part of the message, NULL where the kernel is right */
} Case;

/* Every body may use these. */
static const char HEAD[] =
    "  param q bf16 in [B, T, 8, 64]\n  param o f32 out [B, T, 8, 64]\n  param cu i32 in [N+1]\n"
    "  param ids i32 in [2, 3]\n  param there i32 work [B, T, 8, 1]\n  param came i64 work [B, 1, 1, 1]\n"
    "  %z:index = iconst {value=0}\n  %one:index = iconst {value=1}\n"
    "  %x:f32<4x8> = fconst {fvalue=1.5}\n  %y:f32<4x8> = fconst {fvalue=2.5}\n"
    "  %col:f32<4x1> = fconst {fvalue=3}\n  %h:bf16<4x8> = fconst {fvalue=1}\n  %s:f32<1x1> = fconst {fvalue=2}\n";

#define ACCESS "rowdim=1, groupdim=2, period=4"

static const Case CASES[] = {
    /* counts, types by rule */
    {"loop", "  %r:index = iadd %z, %one", NULL},
    {"loop", "  %r:index = iadd %z", "op %r = iadd: operands: it takes 2, found 1"},
    {"loop", "  %r:index, %t:index = iadd %z, %one", "op %r = iadd: results: it gives 1, found 2"},
    {"loop", "  iadd %z, %one", "op iadd: results: it gives 1, found 0"},
    {"loop", "  %r:index = iadd %z, %x", "op %r = iadd: types: operands must be index values; found index, f32<4x8>"},
    {"loop", "  %r:f32<1x1> = iadd %z, %one", "types: result 0 must be index, found f32<1x1>"},
    {"loop", "  %r:f32<4x8> = add %x, %z", "op %r = add: types: operands must be tiles"},
    {"loop", "  %r:f32<4x8> = add %x, %h",
     "op %r = add: types: operands must have one dtype; found f32<4x8>, bf16<4x8>"},
    {"loop", "  %t:f32<3x8> = fconst {fvalue=1}\n  %r:f32<4x8> = add %x, %t", "rows and columns must be equal or 1"},
    {"loop", "  %r:f32<4x8> = mul %s, %x", NULL},
    {"loop", "  %r:f32<4x8> = fma %x, %s, %s", NULL},
    {"loop", "  %r:f32<4x8> = fma %s, %x", "op %r = fma: operands: it takes 3, found 2"},
    {"loop", "  %r:f32<4x4> = neg %x", "op %r = neg: types: result 0 must be f32<4x8>, found f32<4x4>"},
    {"loop", "  %r:f32<4x8> = rowsum %x", "op %r = rowsum: types: result 0 must be f32<4x1>"},
    {"loop", "  %r:f32<1x8> = colsum %x", NULL},
    {"loop", "  %r:f32<4x1> = colmax %x", "op %r = colmax: types: result 0 must be f32<1x8>"},
    {"loop", "  %t:f32<3x8> = fconst {fvalue=1}\n  %r:f32<4x16> = concat %x, %t", "must have the same number of rows"},
    {"loop", "  %r:f32<4x8> = transpose %x", "op %r = transpose: types: result 0 must be f32<8x4>"},
    {"loop", "  %r:f32<4x3> = cols %x {lo=5}", NULL},
    {"loop", "  %r:f32<4x3> = cols %x {lo=6}", "op %r = cols: lo: 3 columns from 6 on of 8"},
    {"loop", "  %r:f32<4x4> = convert %x", "op %r = convert: types: it changes the dtype of a tile and nothing else"},
    {"loop", "  %r:index = fconst {fvalue=1}", "op %r = fconst: types: the result must be a tile"},
    {"loop", "  %r:i32<4x4> = fconst {fvalue=1}", "tiles hold floating types"},
    /* attributes */
    {"loop", "  %r:index = iconst", "op %r = iconst: attributes: value is missing"},
    {"loop", "  %r:index = iconst {value=1, sym=\"T\"}", "op %r = iconst: attributes: it takes no attribute sym"},
    {"loop", "  %r:index = isym {sym=\"Q\"}", "op %r = isym: sym: \"Q\" is no size known at launch"},
    {"loop", "  %r:index = idiv %one, %z", "op %r = idiv: operands: the divisor is 0, not positive"},
    /* scope */
    {"tile", "  for %z, %one, %one {axis=\"row\"} (%i:index) {\n    yield\n  }\n  %r:index = iadd %i, %one",
     "op %r = iadd: scope: operand 0 is not defined before it"},
    {"tile", "  if %one {\n    %t:index = iadd %one, %one\n    yield\n  }\n  %r:index = iadd %one, %t",
     "op %r = iadd: scope: operand 1 is not defined before it"},
    /* levels */
    {"tile",
     "  %r:f32<1x8> = sum %z, %one {axis=\"key\", rows=1, cols=8} (%j:index) {\n    %v:f32<1x8> = fconst {fvalue=1}\n  "
     "  yield %v\n  }",
     "op %r = sum: level: it belongs to loop kernels"},
    {"loop", "  %r:ring<2, f32<4x8>> = ring", "op %r = ring: level: it belongs to tile kernels"},
    /* params and memory */
    {"loop", "  %r:index = iload %one {param=\"cu\"}", NULL},
    {"loop", "  %r:index = iload %one {param=\"nope\"}", "op %r = iload: param: the kernel has no parameter nope"},
    {"loop", "  %r:index = iload %one {param=\"q\"}", "op %r = iload: param: q is bf16 of rank 4, not i32 of rank 1"},
    {"loop", "  %r:index = iload %one {param=\"ids\"}", "op %r = iload: param: ids is i32 of rank 2"},
    {"loop", "  %r:f32<4x64> = load %z, %z, %z, %z, %z {param=\"q\", " ACCESS "}", NULL},
    {"loop", "  %r:f32<4x64> = load %z, %z, %z, %z, %z {param=\"w\", " ACCESS "}",
     "op %r = load: param: the kernel has no parameter w"},
    {"loop", "  %r:f32<4x65> = load %z, %z, %z, %z, %z {param=\"q\", " ACCESS "}",
     "op %r = load: types: 65 columns of q, which has 64"},
    {"loop", "  %r:f32<4x64> = load %z, %z, %x, %z, %z {param=\"q\", " ACCESS "}",
     "coordinates and bounds must be index values, operand 2 is not"},
    {"loop", "  %r:f32<4x64> = load %z, %z, %z, %z, %z {param=\"q\", rowdim=3, groupdim=2, period=4}",
     "op %r = load: rowdim: rowdim 3"},
    {"loop", "  %r:f32<4x64> = load %z, %z, %z, %z, %z {param=\"q\", rowdim=1, groupdim=-2, period=4}",
     "groupdim -2 must be"},
    {"loop", "  %r:f32<4x64> = load %z, %z, %z, %z, %z {param=\"q\", rowdim=1, groupdim=1, period=4}", "are both 1"},
    {"loop", "  %r:f32<4x64> = load %z, %z, %z, %z, %z {param=\"q\", rowdim=1, groupdim=2, period=0}",
     "op %r = load: period: period must be at least 1"},
    {"loop", "  %r:f32<4x64> = load %z, %z, %z, %z, %z {param=\"q\", " ACCESS ", beyond=\"q\", border=7}", NULL},
    {"loop", "  %r:f32<4x64> = load %z, %z, %z, %z, %z {param=\"q\", " ACCESS ", beyond=\"o\", border=7}",
     "op %r = load: beyond: o cannot go on where q ends"},
    {"loop", "  %r:f32<4x64> = load %z, %z, %z, %z, %z {param=\"q\", " ACCESS ", beyond=\"w\", border=7}", "w cannot go on"},
    {"loop", "  %r:f32<4x64> = load %z, %z, %z, %z, %z {param=\"q\", " ACCESS ", beyond=\"q\", border=0}", "q cannot go on"},
    {"loop", "  %r:f32<4x64> = load %z, %z, %z, %z, %z {param=\"q\", " ACCESS ", wrap=8, beyond=\"q\", border=7}",
     "q cannot go on"},
    {"loop", "  store %z, %z, %z, %z, %z, %x {param=\"o\", " ACCESS "}", NULL},
    {"loop", "  store %z, %z, %z, %z, %z, %x {param=\"o\", " ACCESS ", sum=2}", NULL},
    {"loop", "  store %z, %z, %z, %z, %z, %x {param=\"o\", " ACCESS ", sum=3}", "op store: sum: 4 rows are not added up by 3"},
    {"loop", "  store %z, %z, %z, %z, %z, %x {param=\"q\", " ACCESS "}", "op store: param: q is an input"},
    {"loop", "  store %z, %z, %z, %z, %z, %z {param=\"o\", " ACCESS "}",
     "op store: types: what is loaded or stored must be a tile"},
    /* tiles */
    {"loop", "  %r:f32<4x8> = mask %x, %z, %x {lo=0, hi=1, period=4, fill=0}",
     "op %r = mask: types: %1 and %2 must be index values"},
    {"loop", "  %r:f32<4x8> = mask %x, %z, %z {lo=0, hi=1, period=0, fill=0}", "op %r = mask: period"},
    {"loop", "  %r:f32<4x8> = rope %x, %x {theta=10000, style=0, period=4}",
     "op %r = rope: types: %1 must be an index"},
    {"loop", "  %t:f32<4x7> = fconst {fvalue=1}\n  %r:f32<4x7> = rope %t, %z {theta=10000, style=0, period=4}",
     "columns are turned in pairs, found 7"},
    {"loop", "  %r:f32<4x8> = rope %x, %z {theta=10000, style=2, period=4}", "op %r = rope: attributes"},
    {"loop", "  %r:f32<4x4> = dot %x, %y {ta=0, tb=1}", NULL},
    {"loop", "  %r:f32<4x4> = dot %x, %y {ta=0, tb=0}",
     "op %r = dot: types: the columns of op(%0) must be as many as the rows of op(%1)"},
    {"loop", "  %r:f32<4x4> = dot %x, %y {ta=0, tb=2}", "op %r = dot: attributes"},
    {"loop", "  %t:f32<16x5> = fconst {fvalue=1}\n  %r:f32<4x5> = dot %x, %t {ta=0, tb=0, stack=2}", NULL},
    {"loop", "  %t:f32<16x5> = fconst {fvalue=1}\n  %r:f32<4x5> = dot %x, %t {ta=0, tb=0, stack=3}", "op %r = dot: types"},
    {"loop", "  %t:f32<4x16> = fconst {fvalue=1}\n  %r:f32<4x4> = dot %x, %t {ta=0, tb=1, stack=2}", "op %r = dot: stack"},
    {"loop", "  %r:f32<4x4> = dot %x, %y, %x {ta=0, tb=1}",
     "op %r = dot: types: the tile added must have the result's type"},
    {"loop", "  %t:f32<4x4> = fconst {fvalue=1}\n  %r:f32<4x4> = dot %x, %y, %t, %col {ta=0, tb=1}", NULL},
    {"loop", "  %t:f32<4x4> = fconst {fvalue=1}\n  %r:f32<4x4> = dot %x, %y, %t, %s {ta=0, tb=1}",
     "the scale must be rows x 1"},
    {"loop", "  %t:f32<4x4> = fconst {fvalue=1}\n  %r:f32<4x4> = dot %x, %y, %t, %col, %col {ta=0, tb=1}",
     "it takes at most"},
    {"loop", "  %r:f32<4x4> = dot %x, %y, %z {ta=0, tb=1}", "op %r = dot: operands: an index operand without trim"},
    {"loop", "  %r:f32<4x4> = dot %x, %y {ta=0, tb=1, trim=1, lo=0, hi=1, period=4}",
     "op %r = dot: operands: trim needs delta"},
    {"loop", "  %r:f32<4x4> = dot %x, %y, %z {ta=0, tb=1, trim=1, lo=0}",
     "op %r = dot: attributes: trim needs lo, hi and a period"},
    /* regions */
    {"tile", "  for %z, %one {axis=\"row\"} (%i:index) {\n    yield\n  }",
     "op for: operands: it takes three index values"},
    {"tile", "  for %z, %one, %z {axis=\"row\"} (%i:index) {\n    yield\n  }",
     "op for: step: the step is 0, not positive"},
    {"tile", "  for %z, %one, %one {axis=\"row\"} {\n    yield\n  }",
     "op for: region: its region takes 1 arguments, found 0"},
    {"tile", "  for %z, %one, %one {axis=\"row\"} (%i:f32<1x1>) {\n    yield\n  }",
     "op for: region: the region's first argument must be an index"},
    {"tile", "  for %z, %one, %one {axis=\"row\"} (%i:index) {\n  }",
     "op for: region: its region does not end in a yield"},
    {"tile", "  for %z, %one, %one {axis=\"row\"} (%i:index) {\n    yield\n    yield\n  }",
     "op yield: region: a yield ends a region"},
    {"tile", "  for %z, %one, %one {axis=\"row\"} (%i:index) {\n    yield %i\n  }",
     "op for: yield: its region yields 0 values, found 1"},
    {"tile", "  %r:f32<4x8> = for %z, %one, %one, %x {axis=\"row\"} (%i:index, %c:f32<4x8>) {\n    yield %i\n  }",
     "op %r = for: yield: value 0 must be f32<4x8>, found index"},
    {"tile", "  %r:f32<4x8> = for %z, %one, %one, %x {axis=\"row\"} (%i:index, %c:f32<8x4>) {\n    yield %x\n  }",
     "op %r = for: region: region argument 1 does not have the type"},
    {"tile",
     "  %r:f32<4x8> = for %z, %one, %one, %x {axis=\"row\", par=1} (%i:index, %c:f32<4x8>) {\n    yield %c\n  }",
     "op %r = for: par: the turns of a par=1 loop are independent, this one carries 1 values"},
    {"tile", "  for %z, %one, %one, %x {axis=\"row\"} (%i:index, %c:f32<4x8>) {\n    yield %c\n  }",
     "op for: results: it gives 1, found 0"},
    {"tile", "  yield", "op yield: region: a yield ends a region, this one does not"},
    {"tile", "  %r:f32<4x8> = if %x, %y {\n    yield %y\n  }",
     "op %r = if: types: %0 must be an index; found f32<4x8>, f32<4x8>"},
    {"tile", "  if {\n    yield\n  }", "op if: operands: it takes a condition, an index"},
    {"tile", "  %r:f32<4x8> = if %one, %y {\n    yield %col\n  }",
     "op %r = if: yield: value 0 must be f32<4x8>, found f32<4x1>"},
    {"loop",
     "  %r:f32<1x8>, %l:f32<1x1> = softmax_sum %z, %one {axis=\"key\", cols=8} (%j:index) {\n    yield %s, %s\n  }",
     "op %r = softmax_sum: yield: value 1 must be f32<1x8>, found f32<1x1>"},
    {"loop",
     "  %r:f32<1x1>, %l:f32<1x1> = softmax_sum %z, %one, %x {axis=\"key\", cols=1} (%j:index) {\n    yield %s, %s\n  }",
     "op %r = softmax_sum: types: the sink must be f32<1x1>"},
    {"loop",
     "  %r:f32<1x1>, %l:f32<1x1> = softmax_sum %z, %one, %s, %s {axis=\"key\", cols=1} (%j:index) {\n    yield %s, "
     "%s\n  }",
     "op %r = softmax_sum: operands: it takes from, to and perhaps a sink"},
    {"loop", "  %r:f32<4x8> = sum %z, %one {axis=\"key\", rows=4, cols=8} (%j:index) {\n    yield %col\n  }",
     "op %r = sum: yield"},
    /* rows */
    {"tile", "  %r:f32<4x8> = rows {count=4} {\n    %t:f32<4x8> = add %x, %y\n    yield %t\n  }", NULL},
    {"tile", "  %r:f32<8x4> = rows {count=8} {\n    %t:f32<8x4> = transpose %x\n    yield %t\n  }",
     "op %t = transpose: rows: only rowwise and index ops may stand inside rows"},
    {"tile", "  %r:f32<4x8> = rows {count=8} {\n    %t:f32<4x8> = neg %x\n    yield %t\n  }",
     "op %t = neg: rows: operand 0 has 4 rows, not 1 or count=8"},
    {"tile", "  %r:f32<3x8> = rows {count=4} {\n    %t:f32<3x8> = fconst {fvalue=1}\n    yield %t\n  }",
     "op %t = fconst: rows: result 0 has 3 rows"},
    {"tile", "  rows {count=4} {\n    %t:f32<4x8> = neg %x\n    yield %t\n  }",
     "op rows: results: it gives 1, found 0"},
    /* rings */
    {"tile", "  %g:ring<2, f32<4x8>> = ring\n  ring_put %g, %z, %x\n  %r:f32<4x8> = ring_get %g, %one", NULL},
    {"tile", "  %g:f32<4x8> = ring", "op %g = ring: types: the result must be a ring"},
    {"tile", "  ring_put %x, %z, %x", "op ring_put: types: %0 must be a ring and %1 an index"},
    {"tile", "  %g:ring<2, f32<4x8>> = ring\n  ring_put %g, %z, %col",
     "op ring_put: types: the tile must have the type of the ring's slots"},
    {"tile", "  %g:ring<2, bf16<4x8>> = ring\n  fetch %g, %z, %z, %z, %z, %z, %one {param=\"q\", rowdim=1, groupdim=-1, period=4}\n"
             "  commit\n  barrier\n  wait {count=0}", NULL},
    {"tile", "  %g:ring<2, bf16<4x8>> = ring\n"
             "  role {role=\"copy\", warps=1, registers=24} {\n"
             "    send %g, %z, %z, %z, %z, %one {param=\"q\", rows=4, cols=8, rowdim=1, groupdim=-1, period=4}\n"
             "    yield\n  }\n"
             "  %t:bf16<4x8> = take %g\n  await {count=0}\n  release %g, %t", NULL},
    {"tile", "  send %x, %z, %z, %z, %z, %one {param=\"q\", rows=4, cols=8, rowdim=1, groupdim=-1, period=4}", "op send: types: %0 must be a ring"},
    {"tile", "  %g:ring<2, bf16<4x8>> = ring\n  send %g, %z, %z, %z, %z, %one {param=\"q\", rows=8, cols=8, rowdim=1, groupdim=-1, period=4}",
     "op send: rows: a tile of 8 x 8 does not fit the ring's slots"},
    {"tile", "  %g:ring<2, bf16<4x8>> = ring\n  %t:f32<4x8> = take %g", "take: types: it takes a tile that fits the slots of a ring"},
    {"tile", "  %g:ring<2, f32<4x8>> = ring\n  give %g, %x\n  skip %g", NULL},
    {"tile", "  %g:ring<2, bf16<4x8>> = ring\n  give %g, %x", "op give: types: it gives a tile that fits the slots of a ring"},
    {"tile", "  skip %x", "op skip: types: %0 must be a ring"},
    {"tile", "  %g:ring<2, bf16<4x8>> = ring\n  release %g, %x", "op release: operands: %1 must have been taken from ring %0"},
    {"tile", "  signal %z, %z, %z, %z, %one {param=\"there\", rowdim=1, value=1}\n"
             "  expect %z, %z, %z, %z, %one {param=\"there\", rowdim=1, rows=4, period=2}", NULL},
    {"tile", "  signal %z, %z, %z, %z, %one {param=\"q\", rowdim=1, value=1}",
     "op signal: param: signals are i32 elements of a work parameter"},
    {"tile", "  signal %z, %z, %z, %z, %one {param=\"there\", rowdim=1, value=2}",
     "op signal: rowdim: rowdim must be 0, 1 or 2, and a value 0 or 1"},
    {"tile", "  expect %z, %z, %z, %z, %one {param=\"there\", rowdim=1, rows=0, period=2}",
     "op expect: rows: rows and period must be at least 1"},
    {"tile", "  %l:index = arrive %z, %z, %z, %one {param=\"came\"}", NULL},
    {"tile", "  %l:index = arrive %z, %z, %z, %one {param=\"there\"}",
     "arrive: param: arrivals are counted in i64 elements of a work parameter"},
    {"tile", "  role {role=\"copy\", warps=0, registers=24} {\n    yield\n  }", "op role: attributes: a role has 1 to 32 warps"},
    {"tile", "  await {count=-1}", "op await: count: count must be at least 0"},
    {"tile",
     "  %g:ring<2, bf16<4x8>> = ring\n  fetch %g, %z, %z, %z, %z, %z, %one {param=\"q\", rowdim=1, groupdim=-1, "
     "period=4}\n"
     "  commit\n  barrier\n  wait {count=0}",
     NULL},
    {"tile", "  fetch %x, %z, %z, %z, %z, %z, %one {param=\"q\", rowdim=1, groupdim=-1, period=4}",
     "op fetch: types: %0 must be a ring and %1 an index"},
    {"tile", "  wait {count=-1}", "op wait: count: count must be at least 0"},
    {"tile", "  %r:f32<4x8> = ring_get %x, %z", "op %r = ring_get: types: %0 must be a ring"},
    /* places: a 4 x 8 tile takes 4 rows of 16 floats, 256 bytes */
    {"tile", "  %r:f32<4x8 @768> = neg %x", NULL},
    {"tile", "  %r:f32<4x8 @832> = neg %x", "op %r = neg: place: offset 832 + 256 bytes exceeds scratch=1024"},
    {"tile", "  %r:f32<4x8 @32> = neg %x", "op %r = neg: place: offset 32 is not a multiple of 64"},
    {"loop", "  %r:f32<4x8 @0> = neg %x", "op %r = neg: place: only tiles and rings of a tile kernel"},
    {"tile", "  %r:f32<4x8 @global> = neg %x", "op %r = neg: place: only a load's result may be @global"},
    {"tile", "  %g:ring<2, f32<4x8> @reg> = ring", "op %g = ring: place: a ring cannot be @reg"},
    {"tile", "  %t:f32<4x8 @0> = neg %x\n  %r:f32<4x8 @0> = exp %t", NULL},
    {"tile", "  %t:f32<4x8 @0> = neg %x\n  %r:f32<4x8 @64> = exp %t",
     "op %r = exp: place: its result f32<4x8 @64> overwrites an operand"},
    {"tile", "  %t:f32<4x1 @0> = rowsum %x\n  %r:f32<4x8 @0> = add %x, %t",
     "overwrites an operand that it still reads, f32<4x1 @0>"},
    {"tile", "  %t:f32<4x8 @0> = neg %x\n  %r:f32<8x4 @0> = transpose %t", "op %r = transpose: place"},
    {"tile", "  %t:f32<4x4 @0> = fconst {fvalue=1}\n  %r:f32<4x4 @0> = dot %x, %y, %t {ta=0, tb=1}", NULL},
    {"tile", "  %t:f32<4x4 @0> = fconst {fvalue=1}\n  %r:f32<4x8 @0> = dot %t, %x {ta=0, tb=0}", "op %r = dot: place"},
    {"tile", "  %g:ring<2, f32<4x8> @0> = ring\n  %t:f32<4x8> = ring_get %g, %z\n  %r:f32<8x4 @256> = transpose %t",
     "op %r = transpose: place"},
    {"tile", "  %g:ring<2, f32<4x8> @0> = ring\n  %t:f32<4x8 @256> = neg %x\n  ring_put %g, %z, %t",
     "op ring_put: place: the tile and the ring"},
    {"tile",
     "  %t:f32<1x8 @0> = fconst {fvalue=1}\n  %r:f32<4x8 @0> = rows {count=4} {\n    %u:f32<4x8> = add %x, %t\n    "
     "yield %u\n  }",
     "op %r = rows: place: its result f32<4x8 @0> overwrites an operand"},
    {"tile", "  %a:f32<4x8 @0>, %b:f32<4x8 @192> = rows {count=4} {\n    %u:f32<4x8> = neg %x\n    yield %u, %u\n  }",
     "op %a = rows: place: results 0 and 1 share bytes"},
    {"tile",
     "  %t:f32<4x8 @0> = neg %x\n  %u:f32<4x8 @256> = neg %y\n  %a:f32<4x8>, %b:f32<4x8> = for %z, %one, %one, %t, %u "
     "{axis=\"row\"} "
     "(%i:index, %p:f32<4x8 @256>, %q:f32<4x8 @0>) {\n    yield %p, %q\n  }",
     "op %a = for: place: value 0 goes to f32<4x8 @256>, where value 1 still waits"},
};

static Status verify_case(Ctx *ctx, const Case *item, Module **module) {
    Text text = TEXT(ctx);
    text_add(&text, "module \"m\"\nkernel @k %s scratch=1024 {\n%s%s\n}\n", item->level, HEAD, item->body);
    *module = parse_ok(ctx, text_str(&text));
    return ir_verify(ctx, *module);
}

static void test_rules(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        Ctx     ctx;
        Module *module;
        ctx_init(&ctx);
        const Status status = verify_case(&ctx, &CASES[i], &module);
        if (!CASES[i].wanted && status != ST_OK)
            fail_msg("%s\nis right, but: %s", CASES[i].body, described(&ctx));
        if (CASES[i].wanted && (status != ST_FAILED || !strstr(described(&ctx), CASES[i].wanted)))
            fail_msg("%s\n\"%s\" is not in: %s", CASES[i].body, CASES[i].wanted, described(&ctx));
        ctx_free(&ctx);
    }
}

/* What text cannot say: a module that a pass has built or linked wrongly. */
static void check_broken(void (*damage)(Ctx *ctx, Kernel *kernel), const char *wanted) {
    static const Case RIGHT = {
        "tile",
        "  %r:f32<4x8> = for %z, %one, %one, %x {axis=\"row\"} (%i:index, %c:f32<4x8>) {\n    yield %c\n  }\n"
        "  %t:f32<4x8> = neg %r",
        NULL};
    Ctx     ctx;
    Module *module;
    ctx_init(&ctx);
    assert_int_equal(verify_case(&ctx, &RIGHT, &module), ST_OK);
    damage(&ctx, module->kernels[0]);
    assert_int_equal(ir_verify(&ctx, module), ST_FAILED);
    if (!strstr(described(&ctx), wanted))
        fail_msg("\"%s\" is not in: %s", wanted, described(&ctx));
    ctx_free(&ctx);
}

static Op *loop_of(Kernel *kernel) { return kernel->body->last->prev; }

static void repeat_id(Ctx *ctx, Kernel *kernel) { (void)ctx, kernel->body->last->out[0]->id = 0; }
static void large_id(Ctx *ctx, Kernel *kernel) { (void)ctx, kernel->body->last->out[0]->id = kernel->value_count; }
static void erase_definition(Ctx *ctx, Kernel *kernel) { (void)ctx, op_erase(kernel->body->first); }
static void erase_yield(Ctx *ctx, Kernel *kernel) { (void)ctx, op_erase(loop_of(kernel)->region->last); }
static void drop_region(Ctx *ctx, Kernel *kernel) { (void)ctx, loop_of(kernel)->region = NULL; }
static void break_link(Ctx *ctx, Kernel *kernel) { (void)ctx, kernel->body->first->next->prev = NULL; }
static void wrong_owner(Ctx *ctx, Kernel *kernel) { (void)ctx, kernel->body->last->out[0]->def = kernel->body->first; }
static void wrong_dims(Ctx *ctx, Kernel *kernel) { (void)ctx, kernel->params[0].dims[1] = 0; }
static void wrong_rank(Ctx *ctx, Kernel *kernel) { (void)ctx, kernel->params[0].rank = 5; }
static void repeat_param(Ctx *ctx, Kernel *kernel) { (void)ctx, memcpy(kernel->params[1].name, "q", 2); }
static void empty_tile(Ctx *ctx, Kernel *kernel) { (void)ctx, kernel->body->last->prev->prev->out[0]->type.rows = 0; }
static void add_region(Ctx *ctx, Kernel *kernel) { kernel->body->first->region = ir_block(ctx, kernel->body->first); }

static void test_broken_links(void **state) {
    (void)state;
    check_broken(repeat_id, "op %t = neg: definition: value number 0 is not unique");
    check_broken(large_id, "op %t = neg: definition: value number");
    check_broken(erase_definition, "scope: operand 0 is not defined before it");
    check_broken(erase_yield, "op %r = for: region: its region does not end in a yield");
    check_broken(drop_region, "op %r = for: region: its region is missing");
    check_broken(add_region, "op %z = iconst: region: it has no region");
    check_broken(break_link, "block: it is not linked into its block properly");
    check_broken(wrong_owner, "op %t = neg: definition: value");
    check_broken(wrong_dims, "kernel @k, parameters: dims: q has dim 1 = 0");
    check_broken(wrong_rank, "kernel @k, parameters: rank: q has rank 5");
    check_broken(repeat_param, "kernel @k, parameters: name: q is declared twice");
    check_broken(empty_tile, "types: sizes must be at least 1");
}

static void test_kernel_names_differ(void **state) {
    (void)state;
    Ctx ctx;
    ctx_init(&ctx);
    Module *module = parse_ok(&ctx, "module \"m\"\nkernel @a tile {\n}\nkernel @a tile {\n}\n");
    assert_int_equal(ir_verify(&ctx, module), ST_FAILED);
    assert_non_null(strstr(ctx.message, "two kernels are named @a"));
    ctx_free(&ctx);
}

static bool has_word(const char *text, const char *word) {
    const size_t length = strlen(word);
    for (const char *found = strstr(text, word); found; found = strstr(found + 1, word))
        if (found > text && found[-1] == ' ' && (found[length] == ' ' || found[length] == '\n' || !found[length]))
            return true;
    return false;
}

/* Every op stands in a case above or in the right kernel of test_broken_links: no op is forgotten. */
static void test_every_op_has_a_case(void **state) {
    (void)state;
    static const char *const SAME_RULE[] = {"isub", "imul", "imod", "imin",  "imax",   "ilt",  "sub",
                                            "div",  "max",  "min",  "exp2",  "log",    "tanh", "sigmoid",
                                            "relu", "abs",  "sqrt", "rsqrt", "rowmax", "copy", "step"};
    for (int code = 0; code < OP_COUNT; code++) {
        bool found = has_word(HEAD, op_info((OpCode)code)->name);
        for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
            found = found || has_word(CASES[i].body, op_info((OpCode)code)->name);
        for (size_t i = 0; i < sizeof SAME_RULE / sizeof SAME_RULE[0]; i++)
            found = found || strcmp(SAME_RULE[i], op_info((OpCode)code)->name) == 0;
        if (!found)
            fail_msg("no case has a %s", op_info((OpCode)code)->name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_broken_links),
        cmocka_unit_test(test_kernel_names_differ),
        cmocka_unit_test(test_every_op_has_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
