#include "autosampling/sampling/level_groups.hpp"

#include "autosampling/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace autosampling {
namespace {

using Members = std::map<std::uint32_t, std::set<std::uint32_t>>; // level -> indices

// The groups as plain sets, each index seen once.
Members members_of(const LevelGroups& groups) {
    Members members;
    for (std::uint32_t level = 0; level < groups.levels(); ++level)
        for (std::uint32_t place = 0; place < groups.group_size(level); ++place)
            EXPECT_TRUE(members[level].insert(groups.at(level, place)).second);
    return members;
}

void expect_agree(const LevelGroups& groups, const std::map<std::uint32_t, std::uint32_t>& model) {
    Members expected;
    for (const auto& [index, level] : model) {
        expected[level].insert(index);
        ASSERT_EQ(groups.level_of(index), level) << index;
    }
    ASSERT_EQ(members_of(groups), expected);
    ASSERT_EQ(groups.bounds().front(), 0U);
    ASSERT_EQ(groups.bounds().back(), model.size());
    ASSERT_TRUE(std::is_sorted(groups.bounds().begin(), groups.bounds().end()));
}

TEST(LevelGroups, start_as_one_group_in_order) {
    const LevelGroups groups(5, 3);
    EXPECT_EQ(groups.size(), 5U);
    EXPECT_EQ(groups.levels(), 4U);
    EXPECT_EQ(groups.group_size(2), 0U);
    EXPECT_EQ(groups.group_size(3), 5U);
    EXPECT_THAT(groups.order(), testing::ElementsAre(0, 1, 2, 3, 4));
}

TEST(LevelGroups, random_moves_agree_with_a_map) {
    std::mt19937 random(1);
    for (const std::uint32_t size : {1U, 2U, 7U, 60U}) {
        LevelGroups groups(size, 4);
        std::map<std::uint32_t, std::uint32_t> model;
        for (std::uint32_t index = 0; index < size; ++index) model[index] = 4;
        for (int step = 0; step < 600; ++step) {
            const std::uint32_t index = random() % size, level = random() % (step < 300 ? 6 : 12);
            groups.move(index, level);
            model[index] = level;
            expect_agree(groups, model);
        }
    }
}

TEST(LevelGroups, assigning_agrees_with_a_map_and_moves_go_on_from_it) {
    constexpr std::uint32_t size = 40;
    std::mt19937 random(2);
    LevelGroups groups(size, 0);
    std::map<std::uint32_t, std::uint32_t> model;
    for (int round = 0; round < 50; ++round) {
        std::vector<std::uint32_t> level(size);
        for (std::uint32_t index = 0; index < size; ++index)
            level[index] = model[index] = random() % (1 + random() % 9);
        groups.assign(level);
        expect_agree(groups, model);
        for (std::uint32_t l = 0; l < groups.levels(); ++l) // in the order of the indices
            for (std::uint32_t place = 1; place < groups.group_size(l); ++place)
                ASSERT_LT(groups.at(l, place - 1), groups.at(l, place));
        for (int step = 0; step < 20; ++step) {
            const std::uint32_t index = random() % size;
            groups.move(index, model[index] = random() % 12);
        }
        expect_agree(groups, model);
    }
}

TEST(LevelGroups, a_move_to_the_same_level_changes_nothing) {
    LevelGroups groups(10, 1);
    groups.move(4, 2);
    const std::vector<std::uint32_t> before(groups.order().begin(), groups.order().end());
    for (std::uint32_t index = 0; index < 10; ++index) groups.move(index, groups.level_of(index));
    EXPECT_THAT(groups.order(), testing::ElementsAreArray(before));
}

TEST(LevelGroups, restored_groups_continue_alike) {
    std::mt19937 random(3);
    LevelGroups groups(30, 0);
    for (int step = 0; step < 100; ++step) groups.move(random() % 30, random() % 8);
    LevelGroups restored({groups.order().begin(), groups.order().end()},
                         {groups.bounds().begin(), groups.bounds().end()});
    for (int step = 0; step < 100; ++step) {
        const std::uint32_t index = random() % 30, level = random() % 8;
        groups.move(index, level);
        restored.move(index, level);
    }
    EXPECT_THAT(restored.order(), testing::ElementsAreArray(groups.order()));
    EXPECT_THAT(restored.bounds(), testing::ElementsAreArray(groups.bounds()));
}

TEST(LevelGroups, refuse_a_state_that_does_not_fit_together) {
    EXPECT_NO_THROW(LevelGroups({2, 0, 1}, {0, 1, 1, 3}));
    EXPECT_THROW(LevelGroups({2, 0, 2}, {0, 3}), Error) << "an index twice";
    EXPECT_THROW(LevelGroups({2, 0, 3}, {0, 3}), Error) << "an index out of range";
    EXPECT_THROW(LevelGroups({2, 0, 1}, {0, 2}), Error) << "bounds too short";
    EXPECT_THROW(LevelGroups({2, 0, 1}, {0, 4}), Error) << "bounds too long";
    EXPECT_THROW(LevelGroups({2, 0, 1}, {1, 3}), Error) << "bounds start late";
    EXPECT_THROW(LevelGroups({2, 0, 1}, {0, 2, 1, 3}), Error) << "bounds fall";
    EXPECT_THROW(LevelGroups({2, 0, 1}, {0}), Error) << "no group";
    EXPECT_THROW(LevelGroups({2, 0, 1}, {}), Error) << "no bounds";
}

} // namespace
} // namespace autosampling
