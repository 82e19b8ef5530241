#include "autosampling/base/build_info.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace autosampling {
namespace {

TEST(BuildInfo, says_what_the_program_was_built_from_and_with) {
    const BuildInfo build = build_info();
    EXPECT_THAT(build.version, ::testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
    EXPECT_THAT(build.git_hash, ::testing::MatchesRegex("[0-9a-f]{40,64}|unknown"));
    EXPECT_THAT(build.compiler, ::testing::ContainsRegex("[A-Za-z]+ [0-9]+"));
    EXPECT_FALSE(build.build_type.empty());
}

TEST(BuildInfo, says_where_and_when) {
    EXPECT_FALSE(cpu_kind().empty());
    EXPECT_FALSE(host_name().empty());
    EXPECT_THAT(utc_now(),
                ::testing::MatchesRegex("20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z"));
}

} // namespace
} // namespace autosampling
