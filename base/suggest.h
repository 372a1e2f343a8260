/* "Did you mean ...?": the name that a mistyped one most likely stands for. */
#ifndef RATTAN_BASE_SUGGEST_H
#define RATTAN_BASE_SUGGEST_H

/* The nearest of `names` by edit distance, upper and lower case alike; NULL where none is near (a third of the word).
 */
const char *suggest(const char *word, const char *const *names, int count);

#endif
