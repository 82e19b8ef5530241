#include "autosampling/population/placement.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace autosampling {
namespace {

TEST(Placement, every_member_has_one_rank_and_loads_differ_by_one_at_most) {
    for (std::int64_t members = 1; members <= 40; ++members)
        for (int ranks = 1; ranks <= 12; ++ranks) {
            const Placement placement(members, ranks);
            std::int32_t next = 0;
            std::size_t least = 1000, most = 0;
            for (int rank = 0; rank < ranks; ++rank) {
                const auto mine = placement.members_of(rank);
                least = std::min(least, mine.size());
                most = std::max(most, mine.size());
                for (const std::int32_t member : mine) {
                    EXPECT_EQ(member, next++) << members << " members, " << ranks << " ranks";
                    EXPECT_EQ(placement.rank_of(member), rank) << members << " members, " << ranks << " ranks";
                }
            }
            EXPECT_EQ(next, members);
            EXPECT_LE(most - least, 1U);
        }
}

TEST(Placement, no_more_members_are_trained_at_once_than_a_rank_has) {
    EXPECT_EQ(Placement(8, 2).at_once(1), 1U);
    EXPECT_EQ(Placement(8, 2).at_once(3), 3U);
    EXPECT_EQ(Placement(4, 3).at_once(3), 2U);
    EXPECT_EQ(Placement(2, 4).at_once(3), 1U);
}

} // namespace
} // namespace autosampling
