#include "autosampling/base/portable_math.hpp"

#include "autosampling/base/error.hpp"

#include <cfloat>
#include <cmath>
#include <numbers>

namespace autosampling {

// x = m · 2^e with √½ ≤ m < √2; log m = 2 artanh((m − 1) / (m + 1)), whose argument is below 0.172: the series gains a
// factor of 34 a term.
double portable_log(double x) {
    EXPECT(x >= DBL_MIN && x <= DBL_MAX);
    int exponent = 0;
    double m = std::frexp(x, &exponent);
    if (m < std::numbers::sqrt2 / 2) {
        m *= 2;
        --exponent;
    }
    const double t = (m - 1) / (m + 1);
    double series = 0;
    for (int power = 23; power >= 1; power -= 2) series = series * t * t + 1.0 / power;
    return exponent * std::numbers::ln2 + 2 * t * series;
}

} // namespace autosampling
