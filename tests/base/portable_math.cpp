#include "autosampling/base/portable_math.hpp"

#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>

namespace autosampling {
namespace {

TEST(PortableMath, the_logarithm_is_the_librarys_up_to_a_few_units_in_the_last_place) {
    for (double x = 1e-12; x < 1e12; x *= 1.000937) {
        const double exact = std::log(x);
        ASSERT_NEAR(portable_log(x), exact, 4 * DBL_EPSILON * std::abs(exact)) << x;
    }
    for (const double x : {DBL_MIN, 0.5, std::nextafter(1.0, 0.0), std::nextafter(1.0, 2.0), 2.0, 3.0, DBL_MAX})
        EXPECT_DOUBLE_EQ(portable_log(x), std::log(x)) << x;
    EXPECT_EQ(portable_log(1), 0);
}

} // namespace
} // namespace autosampling
