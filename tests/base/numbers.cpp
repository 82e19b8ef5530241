#include "autosampling/base/counted.hpp"
#include "autosampling/base/narrow.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace autosampling {
namespace {

TEST(Counted, a_thing_is_in_the_plural_unless_there_is_one) {
    EXPECT_EQ(counted(1, "rank"), "1 rank");
    EXPECT_EQ(counted(0, "rank"), "0 ranks");
    EXPECT_EQ(counted(std::uint64_t{2}, "class"), "2 classes");
    EXPECT_EQ(counted(std::uint8_t{3}, "batch"), "3 batches");
    EXPECT_EQ(counted(1.0, "epoch"), "1 epoch");
    EXPECT_EQ(counted(0.5, "epoch"), "0.5 epochs");
}

TEST(Narrow, a_number_that_does_not_fit_is_a_broken_contract) {
    EXPECT_EQ(narrow<std::uint8_t>(255), 255);
    EXPECT_EQ(narrow<std::int32_t>(std::int64_t{-7}), -7);
    EXPECT_EQ(to_size(std::int64_t{5}), 5U);
#ifdef AUTOSAMPLING_CONTRACTS
    EXPECT_THROW(narrow<std::uint8_t>(256), std::logic_error);
    EXPECT_THROW(narrow<std::int32_t>(std::uint32_t{1} << 31), std::logic_error);
    EXPECT_THROW(to_size(-1), std::logic_error);
#endif
}

} // namespace
} // namespace autosampling
