/* Edit distance with swaps of neighbours (optimal string alignment): see suggest.h. */
#include "base/suggest.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "base/numbers.h"

enum { LONGEST = 63 };

static int same(char a, char b) { return tolower((unsigned char)a) == tolower((unsigned char)b); }

/* Both at most LONGEST long. */
static int distance(const char *a, int na, const char *b, int nb) {
    int rows[LONGEST + 1][LONGEST + 1];
    for (int i = 0; i <= na; i++)
        rows[i][0] = i;
    for (int j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (int i = 1; i <= na; i++) {
        for (int j = 1; j <= nb; j++) {
            const int change = rows[i - 1][j - 1] + !same(a[i - 1], b[j - 1]);
            rows[i][j] = min_int(change, 1 + min_int(rows[i - 1][j], rows[i][j - 1]));
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                rows[i][j] = min_int(rows[i][j], rows[i - 2][j - 2] + 1);
        }
    }
    return rows[na][nb];
}

const char *suggest(const char *word, const char *const *names, int count) {
    const size_t length = strlen(word);
    const char  *best = NULL;
    if (length < 1 || length > LONGEST)
        return NULL;
    int nearest = 1 + (int)(length < 3 ? 1 : length / 3);
    for (int i = 0; i < count; i++) {
        const size_t size = strlen(names[i]);
        if (size > LONGEST)
            continue;
        const int far = distance(word, (int)length, names[i], (int)size);
        if (far < nearest && far < (int)size) {
            nearest = far;
            best = names[i];
        }
    }
    return best;
}
