#include "autosampling/sampling/lineage_pool.hpp"

#include "autosampling/base/error.hpp"

#include "sampling/statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace autosampling {
namespace {

using statistics::false_alarm;
using statistics::uniform_p;

std::vector<std::uint32_t> drawn(const LineagePool& pool, std::size_t draws, std::uint32_t member, std::uint32_t cycle,
                                 std::uint8_t attempt = 0) {
    std::vector<std::uint32_t> out(draws);
    pool.draw({3, Purpose::uniform, member, cycle, attempt}, out);
    return out;
}

bool is_permutation_of_all(std::span<const std::uint32_t> indices) {
    std::vector<std::uint32_t> sorted(indices.begin(), indices.end()), all(indices.size());
    std::sort(sorted.begin(), sorted.end());
    std::iota(all.begin(), all.end(), 0U);
    return sorted == all;
}

TEST(LineagePool, what_changing_winners_used_is_made_of_permutations) {
    for (const std::uint32_t images : {1U, 7U, 30U, 97U}) {
        for (const std::size_t draws : {std::size_t{1}, std::size_t{images + 2} / 3, std::size_t{images}}) {
            LineagePool pool(images);
            std::vector<std::uint32_t> used;
            for (std::uint32_t cycle = 0; cycle < 4 * images; ++cycle) {
                const auto winner = drawn(pool, draws, cycle * 5 % 3, cycle);
                pool.use(winner);
                used.insert(used.end(), winner.begin(), winner.end());
            }
            for (std::size_t start = 0; start + images <= used.size(); start += images)
                ASSERT_TRUE(is_permutation_of_all(std::span(used).subspan(start, images))) << images << ' ' << draws;
        }
    }
}

TEST(LineagePool, every_member_draws_only_what_is_left_without_replacement) {
    constexpr std::uint32_t images = 50;
    LineagePool pool(images);
    std::set<std::uint32_t> left;
    for (std::uint32_t index = 0; index < images; ++index) left.insert(index);
    for (std::uint32_t cycle = 0; cycle < 30; ++cycle) {
        for (std::uint32_t member = 0; member < 4; ++member) {
            const auto indices = drawn(pool, 8, member, cycle);
            const std::size_t from_left = std::min<std::size_t>(8, left.size());
            const std::set<std::uint32_t> old(indices.begin(),
                                              indices.begin() + static_cast<std::ptrdiff_t>(from_left));
            EXPECT_EQ(old.size(), from_left);
            EXPECT_TRUE(std::includes(left.begin(), left.end(), old.begin(), old.end()));
            const std::set<std::uint32_t> fresh(indices.begin() + static_cast<std::ptrdiff_t>(from_left),
                                                indices.end());
            EXPECT_EQ(fresh.size(), 8 - from_left); // anew from all
        }
        const auto winner = drawn(pool, 8, cycle % 4, cycle);
        pool.use(winner);
        for (const std::uint32_t index : winner) {
            if (left.empty())
                for (std::uint32_t all = 0; all < images; ++all) left.insert(all);
            EXPECT_EQ(left.erase(index), 1U);
        }
    }
}

// 100,000 keys over 60 triples: frequencies off by ±5 % (noncentrality 250) are refused with a chance over 0.999.
TEST(LineagePool, all_ordered_draws_are_equally_likely) {
    LineagePool pool(9);
    pool.use(std::vector<std::uint32_t>{4, 0, 8, 3}); // 1 2 5 6 7 are left
    std::map<std::vector<std::uint32_t>, std::int64_t> frequency;
    for (std::uint32_t key = 0; key < 100'000; ++key) ++frequency[drawn(pool, 3, key % 7, key)];
    ASSERT_EQ(frequency.size(), 60U);
    std::vector<std::int64_t> observed;
    for (const auto& [triple, count] : frequency) observed.push_back(count);
    EXPECT_GT(uniform_p(observed), false_alarm);
}

TEST(LineagePool, draws_after_the_refill_are_uniform_over_all) {
    LineagePool pool(9);
    pool.use(std::vector<std::uint32_t>{4, 0, 8, 3, 1, 2, 5, 6}); // 7 is left
    std::vector<std::int64_t> second(9, 0);
    for (std::uint32_t key = 0; key < 50'000; ++key) {
        const auto indices = drawn(pool, 2, 0, key);
        ASSERT_EQ(indices[0], 7U);
        ++second[indices[1]];
    }
    EXPECT_GT(uniform_p(second), false_alarm);
}

TEST(LineagePool, draws_are_pure_and_keyed_by_member_cycle_and_attempt) {
    const LineagePool pool(1000);
    const auto base = drawn(pool, 50, 1, 2);
    EXPECT_EQ(base, drawn(pool, 50, 1, 2));
    EXPECT_NE(base, drawn(pool, 50, 2, 2));
    EXPECT_NE(base, drawn(pool, 50, 1, 3));
    EXPECT_NE(base, drawn(pool, 50, 1, 2, 1));
}

TEST(LineagePool, a_loaded_pool_draws_on_alike) {
    LineagePool pool(40), loaded(40);
    for (std::uint32_t cycle = 0; cycle < 9; ++cycle) pool.use(drawn(pool, 7, cycle % 2, cycle));
    NamedArrays arrays;
    pool.save(arrays);
    loaded.load(arrays);
    for (std::uint32_t cycle = 9; cycle < 30; ++cycle) {
        const auto indices = drawn(pool, 7, 0, cycle);
        ASSERT_EQ(indices, drawn(loaded, 7, 0, cycle));
        pool.use(indices);
        loaded.use(indices);
    }
}

TEST(LineagePool, refuses_a_state_that_is_no_pool) {
    using Indices = std::vector<std::uint32_t>;
    LineagePool pool(3);
    EXPECT_NO_THROW(pool.load({{"pool_order", Indices{2, 0, 1}}, {"pool_unused", Indices{0}}}));
    EXPECT_THROW(pool.load({{"pool_order", Indices{2, 0, 1}}}), Error);
    EXPECT_THROW(pool.load({{"pool_order", Indices{2, 0}}, {"pool_unused", Indices{1}}}), Error);
    EXPECT_THROW(pool.load({{"pool_order", Indices{2, 0, 3}}, {"pool_unused", Indices{1}}}), Error);
    EXPECT_THROW(pool.load({{"pool_order", Indices{2, 0, 2}}, {"pool_unused", Indices{1}}}), Error);
    EXPECT_THROW(pool.load({{"pool_order", Indices{2, 0, 1}}, {"pool_unused", Indices{4}}}), Error);
    EXPECT_THROW(pool.load({{"pool_order", std::vector<double>{2, 0, 1}}, {"pool_unused", Indices{1}}}), Error);
}

} // namespace
} // namespace autosampling
