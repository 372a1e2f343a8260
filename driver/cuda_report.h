/* What `rattan bench` says of a kernel on a GPU. */
#ifndef RATTAN_DRIVER_CUDA_REPORT_H
#define RATTAN_DRIVER_CUDA_REPORT_H

#include <jansson.h>

#include "driver/bench_case.h"
#include "driver/cuda_bench.h"

/* Adds the times and the shares of the ceilings. share_of_matmul_peak is null where cuBLAS is missing. Sorts the times.
 */
void cuda_report_json(json_t *json, const CudaTimes *times, const BenchCase *test, const CudaExecutable *executable);
/* The same as text, from that JSON. */
void cuda_report_print(const json_t *json);

#endif
