/* What a tuning belongs to: this machine and its compilers, a layer, a kind, and a bucket of shapes.
 *
 * A bucket holds the shapes whose sequences and tokens a sequence round up to the same powers of two; of packed sequences
 * the mean length counts. So batches that differ a little share a tuning. */
#ifndef RATTAN_DRIVER_TUNING_KEY_H
#define RATTAN_DRIVER_TUNING_KEY_H

#include "base/spec.h"
#include "driver/tuning_db.h"
#include "ir/target.h"
#include "runtime/cuda_device.h"

typedef struct TuningBucket {
    int64_t N, T; /* powers of two; 0: not known */
} TuningBucket;

TuningBucket tuning_bucket(int64_t sequences, int64_t tokens);
const char  *tuning_bucket_text(Ctx *ctx, TuningBucket bucket);
bool         tuning_bucket_parse(const char *text, TuningBucket *bucket);
/* Steps from the one to the other, a step being a factor of two in either number. */
int tuning_bucket_distance(TuningBucket a, TuningBucket b);

/* machine, driver, compiler, build and space. A CPU's machine ends in its cores, "AMD EPYC (znver4), 16 cores", and, where kernels
 * run on another number of threads (target_use_threads, RATTAN_NUM_THREADS), in these: ", 2 threads". The key's other fields are left alone. false: code for this target does not
 * run here, so that nothing is known of it. `device`: the GPU; NULL on CPUs. */
bool tuning_key_machine(Ctx *ctx, const Target *target, const CudaDevice *device, TuningKey *key);
/* The same of code that will run elsewhere: machine and driver are NULL, any that the target's code runs on. false: CPUs, of
 * which a target says too little. */
bool tuning_key_target(Ctx *ctx, const Target *target, TuningKey *key);
/* "backward", or "backward+saved" of a kernel that reads what forward saved, or makes it: of all optional parts that one changes what
 * there is to do, and has tunings of its own. `variant`: bits of VARIANT_x. */
const char *tuning_kind(KernelKind kind, int variant);
/* --with, where it chooses tunings: nothing but "saved" of kinds that have it; text NULL: none. */
Status tuning_variant_parse(Ctx *ctx, const char *text, KernelKind kind, int *variant);

/* spec and kind. Layers that differ in nothing but their names and the numbers of scale, softcap, rope's theta and norm's eps,
 * which are constants in the same code, share a tuning. */
void tuning_key_layer(Ctx *ctx, const Spec *spec, KernelKind kind, int variant, TuningKey *key);
/* The canonical text whose hash that is; the hash of the layer that it loads to, too. */
const char *tuning_spec_text(Ctx *ctx, const Spec *spec);

#endif
