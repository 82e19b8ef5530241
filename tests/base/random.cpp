#include "autosampling/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace autosampling {
namespace {

// The stream whose first counter block is (slot, cycle, member, purpose and attempt in the upper half).
RandomStream stream_at(std::uint32_t slot, std::uint32_t cycle, std::uint32_t member, std::uint32_t last,
                       std::uint64_t seed) {
    const RandomKey key{seed, static_cast<Purpose>(last >> 24), member, cycle, static_cast<std::uint8_t>(last >> 16)};
    RandomStream stream(key, slot);
    for (std::uint32_t skipped = 0; skipped < 4 * (last & 0xFFFF); ++skipped) stream.bits();
    return stream;
}

// Random123 1.14, tests/kat_vectors, "philox4x32 10".
TEST(Random, equals_philoxs_known_answers) {
    struct Answer {
        RandomStream stream;
        std::vector<std::uint32_t> bits;
    };
    Answer answers[] = {
        {stream_at(0, 0, 0, 0, 0), {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {stream_at(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffffffffffff),
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {stream_at(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0x299f31d0a4093822),
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (Answer& answer : answers)
        for (const std::uint32_t bits : answer.bits) EXPECT_EQ(answer.stream.bits(), bits);
}

TEST(Random, every_part_of_the_key_matters) {
    const RandomKey key{1, Purpose::learned, 2, 3, 4};
    const std::vector<std::pair<RandomKey, std::uint32_t>> others{
        {{0, Purpose::learned, 2, 3, 4}, 5},                          // seed, lower half
        {{1 | std::uint64_t{1} << 32, Purpose::learned, 2, 3, 4}, 5}, // seed, upper half
        {{1, Purpose::uniform, 2, 3, 4}, 5},
        {{1, Purpose::learned, 1, 3, 4}, 5},
        {{1, Purpose::learned, 2, 2, 4}, 5},
        {{1, Purpose::learned, 2, 3, 3}, 5},
        {key, 6},
    };
    for (const auto& [other, slot] : others) EXPECT_NE(RandomStream(other, slot).bits(), RandomStream(key, 5).bits());
    EXPECT_EQ(RandomStream(key, 5).bits(), RandomStream(key, 5).bits());
}

// Chi-square over `bound` cells against its mean + 5 standard deviations, and 10 more for the longer tail of few cells:
// a fair generator fails less than once in 100,000 keys, and the key is fixed.
TEST(Random, below_is_uniform) {
    for (const std::uint32_t bound : {1U, 2U, 3U, 10U, 1000U}) {
        RandomStream stream({.seed = 7, .purpose = Purpose::split}, bound);
        constexpr int draws = 200'000;
        std::vector<int> counts(bound);
        for (int i = 0; i < draws; ++i) ++counts.at(stream.below(bound));
        const double expected = static_cast<double>(draws) / bound;
        double chi_square = 0;
        for (const int count : counts) chi_square += (count - expected) * (count - expected) / expected;
        const double freedom = bound - 1.0;
        EXPECT_LE(chi_square, freedom + 5 * std::sqrt(2 * freedom) + 10 * (bound < 30)) << "bound " << bound;
    }
}

// With this bound, a multiplication without rejection gives every third number twice the weight of the others.
TEST(Random, below_is_unbiased_where_the_bound_does_not_divide_the_range) {
    constexpr std::uint32_t bound = 3U << 30;
    RandomStream stream({.seed = 7, .purpose = Purpose::tournament}, 0);
    constexpr int draws = 30'000;
    std::vector<int> counts(3);
    for (int i = 0; i < draws; ++i) ++counts[stream.below(bound) % 3];
    const double deviation = std::sqrt(draws * 2.0 / 9.0);
    for (const int count : counts) EXPECT_NEAR(count, draws / 3, 5 * deviation);
}

TEST(Random, real_is_uniform_below_one) {
    RandomStream stream({.seed = 7, .purpose = Purpose::perturbation}, 0);
    constexpr int draws = 100'000;
    double sum = 0;
    double sum_of_squares = 0;
    for (int i = 0; i < draws; ++i) {
        const double value = stream.real();
        ASSERT_GE(value, 0.0);
        ASSERT_LT(value, 1.0);
        sum += value;
        sum_of_squares += value * value;
    }
    EXPECT_NEAR(sum / draws, 1.0 / 2, 5 * std::sqrt(1.0 / 12 / draws));
    EXPECT_NEAR(sum_of_squares / draws, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / draws));
}

TEST(Random, blocks_made_together_are_those_made_one_by_one) {
    const RandomKey key{
        .seed = 0x0123456789abcdef, .purpose = Purpose::learned, .member = 3, .cycle = 40, .attempt = 2};
    for (const std::size_t count : {0, 1, 15, 16, 17, 100}) {
        std::vector<std::uint32_t> slots(count);
        for (std::size_t i = 0; i < count; ++i) slots[i] = static_cast<std::uint32_t>(i * 2'654'435'761U);
        std::vector<RandomBlock> blocks(count);
        make_first_blocks(key, slots, blocks);
        for (std::size_t i = 0; i < count; ++i) {
            RandomStream alone(key, slots[i]), begun(key, slots[i], blocks[i]);
            for (int number = 0; number < 9; ++number) ASSERT_EQ(begun.bits(), alone.bits()) << i << " " << number;
        }
    }
}

} // namespace
} // namespace autosampling
