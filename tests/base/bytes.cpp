#include "autosampling/base/bytes.hpp"

#include <gmock/gmock.h>

namespace autosampling {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Bytes, room_says_what_is_wanted_where_that_is_known) {
    EXPECT_THAT(room_text("/", 3'200'000), StartsWith("3.2 MB wanted, "));
    EXPECT_THAT(room_text("/", 0), Not(HasSubstr("wanted")));
    EXPECT_THAT(room_text("/", 0), HasSubstr("B free"));
}

} // namespace
} // namespace autosampling
