/* Two ahead-of-time libraries in one program, for tests/test_aot.sh: "one" and "two" of specs/tiny.lua, whose windows differ. Exit code
 * 0: each computes its own, and refuses what is the other's. */
#include <one.h>
#include <two.h>

#include <stdio.h>
#include <string.h>

enum { T = 20, ROW = 16 };

static float q[T * ROW], gains[ROW], o[2][T * ROW];

static int run(one_context *first, two_context *second) {
    const one_tiny_forward_args x = {
        .B = 1, .T = T, .q = q, .k = q, .v = q, .swa_norm = gains, .rla_norm = gains, .o = o[0]};
    const two_tiny_forward_args y = {
        .B = 1, .T = T, .q = q, .k = q, .v = q, .swa_norm = gains, .rla_norm = gains, .o = o[1]};
    const int ran = one_tiny_forward(first, &x, NULL) == RATTAN_RT_OK && two_tiny_forward(second, &y, NULL) == RATTAN_RT_OK;
    const two_status refused = two_tiny_forward((two_context *)first, &y, NULL);
    const int        right = ran && refused == RATTAN_RT_USAGE && strstr(two_error_string(refused), "another library's");
    return right && memcmp(o[0], o[1], 4 * ROW * sizeof(float)) == 0 && memcmp(o[0], o[1], sizeof o[0]) != 0;
}

int main(void) {
    one_context *first = NULL;
    two_context *second = NULL;
    for (int i = 0; i < T * ROW; i++)
        q[i] = (float)(i % 13) / 13;
    for (int i = 0; i < ROW; i++)
        gains[i] = 1;
    const int opened = one_open(NULL, &first) == RATTAN_RT_OK && two_open(NULL, &second) == RATTAN_RT_OK;
    const int right = opened && run(first, second);
    puts(right ? "right" : "wrong");
    one_close(first);
    two_close(second);
    return !right;
}
