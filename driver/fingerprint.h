/* The fingerprint of the compiler's sources, 16 hexadecimal digits: cmake/fingerprint.cmake makes it. */
#ifndef RATTAN_DRIVER_FINGERPRINT_H
#define RATTAN_DRIVER_FINGERPRINT_H

extern const char COMPILER_FINGERPRINT[];

#endif
