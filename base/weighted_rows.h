/* Sums of rows, each times a number: the innermost loop of a matrix product in doubles. */
#ifndef RATTAN_BASE_WEIGHTED_ROWS_H
#define RATTAN_BASE_WEIGHTED_ROWS_H

#include <stdbool.h>

enum { WEIGHTED_AT_A_TIME = 4 };

/* sum[c] += a[i] * rows[i][c] for c < count, one i after the other; `single`: rounded to float after each. The rows follow each
 * other. Equal on every processor. */
void weighted_rows_add(double *restrict sum, const double a[WEIGHTED_AT_A_TIME], const double *restrict rows, int count, bool single);
/* The same of one row. */
void weighted_row_add(double *restrict sum, double a, const double *restrict row, int count, bool single);

#endif
