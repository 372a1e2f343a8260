/* The derivative of a feature map in float64: reverse mode over its nodes, the counterpart of reference_map.
 *
 * Where an op has no derivative its subgradient is, so that the operands' order does not matter:
 *   max, min  of two that are equal: a half to each
 *   rowmax    equal shares to all elements that are the largest
 *   relu, abs 0 at 0
 * sqrt at 0, log at 0 and division by 0 are as IEEE arithmetic makes of their formulas: infinite or NaN. */
#ifndef RATTAN_DRIVER_MAP_GRADIENT_H
#define RATTAN_DRIVER_MAP_GRADIENT_H

#include "base/spec.h"

/* dx [head_dim] += J^T dphi, where J is the Jacobian of phi at x and dphi [F] the gradient of phi(x). `values` are the
 * nodes' values as reference_map left them for x; `dvalues` is scratch of as many doubles. */
void map_gradient(const FeatureMap *map, const double *values, const double *dphi, double *dvalues, double *dx);

#endif
