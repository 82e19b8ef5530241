// Functions made of IEEE 754's basic operations alone, so that all machines get the same bits: mathematical libraries
// differ in the last one.
#pragma once

namespace autosampling {

// The natural logarithm of a positive, normal number; within 4 units in the last place.
double portable_log(double x);

} // namespace autosampling
