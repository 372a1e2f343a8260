/* How many threads the process has. Include it behind cmocka.h. */
#ifndef RATTAN_TESTS_THREAD_TESTING_H
#define RATTAN_TESTS_THREAD_TESTING_H

#include <dirent.h>

static inline int count_threads(void) {
    int  count = 0;
    DIR *directory = opendir("/proc/self/task");
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

#endif
