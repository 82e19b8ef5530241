#include "autosampling/sampling/permutation.hpp"

#include "sampling/statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace autosampling {
namespace {

using statistics::false_alarm;
using statistics::uniform_p;

KeyedPermutation keyed(std::uint32_t number, std::uint32_t size, std::uint32_t member = 0, std::uint8_t attempt = 0,
                       std::uint64_t seed = 7) {
    return {{seed, Purpose::uniform, member, number, attempt}, size};
}

std::vector<std::uint32_t> elements(const KeyedPermutation& permutation, std::uint32_t size) {
    std::vector<std::uint32_t> result(size);
    for (std::uint32_t place = 0; place < size; ++place) result[place] = permutation(place);
    return result;
}

bool bijective(std::uint32_t number, std::uint32_t size) {
    const KeyedPermutation permutation = keyed(number, size);
    std::vector<bool> seen(size, false);
    for (std::uint32_t place = 0; place < size; ++place) {
        const std::uint32_t element = permutation(place);
        if (element >= size || seen[element]) return false;
        seen[element] = true;
    }
    return true;
}

TEST(KeyedPermutation, is_a_bijection_for_every_small_size) {
    for (std::uint32_t size = 1; size <= 2000; ++size) EXPECT_TRUE(bijective(size, size)) << size;
}

TEST(KeyedPermutation, is_a_bijection_at_and_beside_powers_of_two) {
    for (std::uint32_t power = 2048; power <= 1U << 17; power *= 2)
        for (const std::uint32_t size : {power - 1, power, power + 1}) EXPECT_TRUE(bijective(3, size)) << size;
}

TEST(KeyedPermutation, is_a_bijection_for_sizes_of_data_sets) {
    for (const std::uint32_t size : {50'000U, 1'000'003U}) EXPECT_TRUE(bijective(1, size)) << size;
}

TEST(KeyedPermutation, stays_in_range_for_the_largest_sizes) {
    for (const std::uint32_t size : {(1U << 31) + 1, ~0U}) {
        const KeyedPermutation permutation = keyed(0, size);
        std::vector<std::uint32_t> some;
        for (std::uint32_t place = 0; place < 10'000; ++place) some.push_back(permutation(size - 1 - place));
        EXPECT_LT(*std::max_element(some.begin(), some.end()), size);
        std::sort(some.begin(), some.end());
        EXPECT_EQ(std::adjacent_find(some.begin(), some.end()), some.end());
    }
}

TEST(KeyedPermutation, every_part_of_the_key_changes_it) {
    constexpr std::uint32_t size = 1000;
    const auto base = elements(keyed(5, size, 2), size);
    EXPECT_EQ(base, elements(keyed(5, size, 2), size));
    EXPECT_NE(base, elements(keyed(6, size, 2), size));
    EXPECT_NE(base, elements(keyed(5, size, 3), size));
    EXPECT_NE(base, elements(keyed(5, size, 2, 1), size));
    EXPECT_NE(base, elements(keyed(5, size, 2, 0, 8), size));
    EXPECT_NE(base, elements(keyed(5, size, 2, 0, 7 + (1ULL << 32)), size));
}

// 40,000 permutations: frequencies that are off by ±5 % (noncentrality 100) are refused with a chance over 0.999.
TEST(KeyedPermutation, the_first_element_and_the_place_of_element_0_are_uniform) {
    for (const std::uint32_t size : {2U, 3U, 5U, 8U, 9U, 33U}) {
        std::vector<std::int64_t> first(size, 0), last(size, 0), place_of_0(size, 0);
        for (std::uint32_t number = 0; number < 40'000; ++number) {
            const auto all = elements(keyed(number, size), size);
            ++first[all.front()];
            ++last[all.back()];
            ++place_of_0[static_cast<std::size_t>(std::find(all.begin(), all.end(), 0U) - all.begin())];
        }
        EXPECT_GT(uniform_p(first), false_alarm) << size;
        EXPECT_GT(uniform_p(last), false_alarm) << size;
        EXPECT_GT(uniform_p(place_of_0), false_alarm) << size;
    }
}

TEST(KeyedPermutation, the_first_element_is_uniform_for_a_large_size) {
    constexpr std::uint32_t size = 50'000, classes = 100;
    std::vector<std::int64_t> first(classes, 0);
    for (std::uint32_t number = 0; number < 100'000; ++number) ++first[keyed(number, size)(0) / (size / classes)];
    EXPECT_GT(uniform_p(first), false_alarm);
}

// All ordered pairs at adjacent places, 500 and more expected of each.
TEST(KeyedPermutation, pairs_at_adjacent_places_are_uniform) {
    for (const std::uint32_t size : {3U, 5U, 7U, 9U}) {
        for (const std::uint32_t place : {0U, size - 2}) {
            std::vector<std::int64_t> pairs;
            std::vector<std::int64_t> cell(size * size, 0);
            for (std::uint32_t number = 0; number < 40'000; ++number) {
                const KeyedPermutation permutation = keyed(number, size);
                ++cell[permutation(place) * size + permutation(place + 1)];
            }
            for (std::uint32_t a = 0; a < size; ++a)
                for (std::uint32_t b = 0; b < size; ++b)
                    if (a != b) pairs.push_back(cell[a * size + b]);
            EXPECT_GT(uniform_p(pairs), false_alarm) << "size " << size << ", place " << place;
        }
    }
}

// Within one permutation: the differences of neighbours, as an index stream of a data set shows them.
TEST(KeyedPermutation, neighbours_of_one_large_permutation_are_unrelated) {
    constexpr std::uint32_t size = 65'521, classes = 64;
    std::vector<std::int64_t> difference(classes, 0);
    const auto all = elements(keyed(11, size), size);
    for (std::uint32_t place = 0; place + 1 < size; ++place) {
        const std::uint64_t forward = (all[place + 1] + size - all[place]) % size; // 1 … size − 1, uniform
        ++difference[(forward - 1) * classes / (size - 1)];
    }
    EXPECT_GT(uniform_p(difference), false_alarm);
}

} // namespace
} // namespace autosampling
