/* Spec: one attention layer, as plain data. The contract between frontend/ (which fills and checks it), the kernel
 * kinds (which turn it into loop IR) and driver/. The meaning of every field is RATTENTION's. */
#ifndef RATTAN_BASE_SPEC_H
#define RATTAN_BASE_SPEC_H

#include "base/ctx.h"
#include "base/dtype.h"

/* Nodes of a traced feature map. `a` and `b` are indices of earlier nodes; a node of length 1 broadcasts.
 *         op          operands  length                 */
#define MAP_OPS(X)                                                                                               \
    X(INPUT, "input", 0)       /* x, length head_dim */                                                          \
    X(CONST, "const", 0)       /* value, length 1 */                                                             \
    X(ADD, "add", 2)                                                                                             \
    X(SUB, "sub", 2)                                                                                             \
    X(MUL, "mul", 2)                                                                                             \
    X(DIV, "div", 2)                                                                                             \
    X(MAX, "max", 2)           /* elementwise maximum of two */                                                  \
    X(MIN, "min", 2)                                                                                             \
    X(NEG, "neg", 1)                                                                                             \
    X(EXP, "exp", 1)                                                                                             \
    X(LOG, "log", 1)                                                                                             \
    X(TANH, "tanh", 1)                                                                                           \
    X(SIGMOID, "sigmoid", 1)                                                                                     \
    X(RELU, "relu", 1)                                                                                           \
    X(ABS, "abs", 1)                                                                                             \
    X(SQRT, "sqrt", 1)                                                                                           \
    X(ROWSUM, "rowsum", 1)     /* length 1 */                                                                    \
    X(ROWMAX, "rowmax", 1)     /* length 1 */                                                                    \
    X(CONCAT, "concat", 2)     /* length a + length b */

typedef enum MapOp {
#define X(id, name, operands) MAP_##id,
    MAP_OPS(X)
#undef X
        MAP_OP_COUNT
} MapOp;

typedef struct MapNode {
    MapOp  op;
    int    a, b;   /* operands, -1 where absent */
    double value;  /* of MAP_CONST */
    int    length; /* features: head_dim, 1, or a sum of lengths */
} MapNode;

enum { MAP_MAX_NODES = 256 };

typedef struct FeatureMap {
    char    name[48];  /* "softmax2", ... or "custom" */
    MapNode nodes[MAP_MAX_NODES];
    int     count;     /* the last node is the result; its length is F */
    bool    sized;     /* its function asked for a vector's length, so that constants may follow from head_dim */
} FeatureMap;

typedef enum RopeStyle { ROPE_INTERLEAVED, ROPE_HALF } RopeStyle;

typedef struct Spec {
    char       name[64];      /* [A-Za-z_][A-Za-z0-9_]*: becomes part of file and symbol names */
    bool       full;          /* attention { }: no end to the window, no residual branch */
    int        heads, kv_heads;
    int        head_dim;      /* D */
    int        value_dim;     /* E */
    int64_t    window;        /* W >= 1, the query's own key included; 0 where full */
    FeatureMap map;           /* unused where full */
    double     rope_theta;    /* 0: no rope */
    RopeStyle  rope_style;
    double     scale;         /* of the scores */
    double     softcap;       /* 0: none */
    bool       sink;          /* input sink [H] */
    bool       qk_scale;      /* inputs q_scale, k_scale [D] */
    bool       initial_state; /* input h0 [N, H, F, E] */
    bool       norm;          /* inputs swa_norm, rla_norm [H, E]; where full: swa_norm alone */
    double     norm_eps;
    DType      dtype;         /* of q, k, v, o */
    DType      state_dtype;   /* of states: DT_F32 */
    int        fold;          /* L: a state in a pool is the one that the last multiple of L tokens left; 0 where full */
    bool       tf32;          /* products of float32 tiles may round their inputs to tf32 */
    uint64_t   defaulted;     /* bit n: row n of the table of fields was left to its default, which may follow other fields */
} Spec;

/* F, the length of phi(x); 0 where full. */
static inline int spec_features(const Spec *spec) {
    return spec->full || spec->map.count == 0 ? 0 : spec->map.nodes[spec->map.count - 1].length;
}
/* G, query heads per key/value head. */
static inline int spec_group(const Spec *spec) { return spec->heads / spec->kv_heads; }
/* L, a power of two; 1: states are of every token. */
static inline int spec_fold(const Spec *spec) { return spec->fold > 1 ? spec->fold : 1; }
/* Rows that a ring has at least: keys that have left the window stay until the state has them. */
static inline int64_t spec_ring_rows(const Spec *spec) {
    return spec->window + (spec_fold(spec) > 1 ? spec_fold(spec) : 0);
}
/* Keys before the first new token that a step may need. */
static inline int64_t spec_reach(const Spec *spec) { return spec->window + spec_fold(spec) - 1; }
/* Tiles of more columns than a GPU's registers hold beside a product's sum. */
static inline bool spec_is_wide(const Spec *spec) { return spec->head_dim > 128 || spec->value_dim > 128; }
/* Such ones, whose products take 16-bit numbers. */
static inline bool spec_is_wide_16_bits(const Spec *spec) { return spec_is_wide(spec) && spec->dtype != DT_F32; }

/* A file's worth of specs: one, the points of a sweep, or the layers of a model. */
typedef struct SpecItem {
    char label[96]; /* "" for a single spec, "window=256,head_dim=64" in a sweep, the pattern letter in a model */
    Spec spec;
} SpecItem;

typedef struct SpecFile {
    SpecItem *items;
    int       count;
    bool      is_model;
    char      model_name[64];
    int       layers;       /* of a model */
    int      *pattern;      /* layers entries: index into items of each layer */
} SpecFile;

/* What is compiled from a spec: the kernel kind and which optional parts its signature has. */
#define KERNEL_KINDS(X)                                                                                          \
    X(FORWARD, "forward", "training and prefill: whole sequences, optional state out")                          \
    X(DECODE, "decode", "one token or a few a sequence on pools of rings and states")                           \
    X(EXTEND, "extend", "a chunk of prompt a sequence on pools of rings and states")                            \
    X(BACKWARD, "backward", "training: the gradients of whole sequences by all inputs")

typedef enum KernelKind {
#define X(id, name, help) KIND_##id,
    KERNEL_KINDS(X)
#undef X
        KIND_COUNT
} KernelKind;

/* Variant bits: options of a signature that change the code. */
enum {
    VARIANT_PACKED = 1,      /* cu_seqlens [N+1]; B = 1 */
    VARIANT_LSE = 2,         /* output lse [B, H, T] */
    VARIANT_FINAL_STATE = 4, /* output final_state [N, Hk or H, F, E]: forward only */
    VARIANT_PARTS = 8,       /* outputs swa and rla [B, T, H, E] before norm and mix, float32: for checking */
    VARIANT_SAVED = 16,      /* forward: outputs lse, swa and rla, as training keeps them; backward: these are inputs */
};

/* Of swa and rla as training keeps them. Of a row that sees one key, scores get what is left of that key's value and swa, nothing:
 * without a sink swa is that value and has its dtype's numbers, with one it is a share of it. A sum over all older keys may be more
 * than float16 has numbers for. */
static inline DType spec_saved_swa(const Spec *spec) { return spec->sink ? DT_F32 : spec->dtype; }
static inline DType spec_saved_rla(const Spec *spec) { return spec->dtype == DT_F16 ? DT_F32 : spec->dtype; }

#endif
