#include "autosampling/sampling/tally.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/sampling/credit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace autosampling {
namespace {

constexpr std::uint32_t images = 23;

using Cycle = std::vector<Contribution>;

// Some members' draws: survivors, credited ones, both and neither.
Cycle random_cycle(std::mt19937& random) {
    Cycle cycle(1 + random() % 5);
    for (Contribution& contribution : cycle) {
        contribution.survivor = random() % 3 == 0;
        contribution.credited = random() % 4 != 0;
        contribution.z = static_cast<std::int32_t>(random() % 200'001) - 100'000;
        contribution.indices.resize(6);
        for (std::uint32_t& index : contribution.indices) index = random() % images;
    }
    return cycle;
}

// What the tally should hold, summed over the history from its beginning.
struct Sums {
    std::vector<std::uint32_t> count = std::vector<std::uint32_t>(images, 0);
    std::vector<std::uint32_t> draws = std::vector<std::uint32_t>(images, 0);
    std::vector<std::int64_t> credit = std::vector<std::int64_t>(images, 0);

    void add(const Cycle& cycle) {
        for (const Contribution& member : cycle)
            for (const std::uint32_t index : member.indices) {
                count[index] += member.survivor ? 1U : 0U;
                draws[index] += member.credited ? 1U : 0U;
                credit[index] += member.credited ? member.z : 0;
            }
    }
};

Sums sums_of(const ExplorationOptions& options, const std::vector<Cycle>& history) {
    Sums sums;
    const auto cycles = static_cast<std::int64_t>(history.size());
    for (std::int64_t cycle = 0; cycle < cycles; ++cycle) {
        if (options.counts == Counts::window && cycle < cycles - options.window_cycles) continue;
        sums.add(history[static_cast<std::size_t>(cycle)]);
        if (options.counts != Counts::decay || (cycle + 1) % options.half_life_cycles != 0) continue;
        for (std::uint32_t index = 0; index < images; ++index) {
            sums.count[index] /= 2;
            sums.draws[index] /= 2;
            sums.credit[index] /= 2; // towards 0
        }
    }
    return sums;
}

void expect_equal(const Tally& tally, const Sums& sums, const ExplorationOptions& options) {
    ASSERT_THAT(tally.count(), testing::ElementsAreArray(sums.count));
    double total = 0;
    for (const std::uint32_t count : sums.count) total += count;
    ASSERT_DOUBLE_EQ(tally.mean_count(), total / images);
    if (options.credit == Credit::winner) {
        ASSERT_TRUE(tally.draws().empty());
        ASSERT_TRUE(tally.credit().empty());
        for (std::uint32_t index = 0; index < images; ++index) ASSERT_EQ(tally.level(index), sums.count[index]);
        return;
    }
    ASSERT_THAT(tally.draws(), testing::ElementsAreArray(sums.draws));
    ASSERT_THAT(tally.credit(), testing::ElementsAreArray(sums.credit));
    for (std::uint32_t index = 0; index < images; ++index)
        ASSERT_EQ(tally.level(index), score_level(options.beta * score(sums.credit[index], sums.draws[index])));
}

std::vector<ExplorationOptions> all_options() {
    std::vector<ExplorationOptions> all;
    for (const Credit credit : {Credit::winner, Credit::advantage})
        for (const Counts counts : {Counts::all, Counts::window, Counts::decay}) {
            ExplorationOptions options;
            options.credit = credit;
            options.counts = counts;
            options.beta = 0.7;
            options.window_cycles = 4;
            options.half_life_cycles = 3;
            all.push_back(options);
        }
    return all;
}

TEST(Tally, equals_sums_over_the_history) {
    for (const ExplorationOptions& options : all_options()) {
        SCOPED_TRACE(text(options.credit, " ", options.counts));
        std::mt19937 random(1);
        Tally tally(options, images);
        std::vector<Cycle> history;
        expect_equal(tally, {}, options);
        for (int cycle = 0; cycle < 60; ++cycle) {
            history.push_back(random_cycle(random));
            tally.add(history.back());
            expect_equal(tally, sums_of(options, history), options);
        }
    }
}

TEST(Tally, counts_only_survivors_and_credits_only_the_credited) {
    ExplorationOptions options;
    options.credit = Credit::advantage;
    Tally tally(options, 4);
    tally.add({{true, false, 9, {0, 0, 1}}, {false, true, -5, {2, 1, 2}}, {false, false, 7, {3, 3, 3}}});
    EXPECT_THAT(tally.count(), testing::ElementsAre(2, 1, 0, 0));
    EXPECT_THAT(tally.draws(), testing::ElementsAre(0, 1, 2, 0));
    EXPECT_THAT(tally.credit(), testing::ElementsAre(0, -5, -10, 0));
}

TEST(Tally, touched_indices_are_ascending_unique_and_cover_every_change_of_level) {
    for (const ExplorationOptions& options : all_options()) {
        SCOPED_TRACE(text(options.credit, " ", options.counts));
        std::mt19937 random(2);
        Tally tally(options, images);
        std::vector<std::uint32_t> known(images);
        for (std::uint32_t index = 0; index < images; ++index) known[index] = tally.level(index);
        for (int round = 0; round < 40; ++round) {
            for (unsigned cycle = random() % 9; cycle > 0; --cycle) tally.add(random_cycle(random));
            if (const auto touched = tally.take_touched()) {
                ASSERT_TRUE(std::is_sorted(touched->begin(), touched->end(), std::less_equal<>{}));
                for (const std::uint32_t index : *touched) known[index] = tally.level(index);
            } else { // any may have changed
                for (std::uint32_t index = 0; index < images; ++index) known[index] = tally.level(index);
            }
            for (std::uint32_t index = 0; index < images; ++index) ASSERT_EQ(known[index], tally.level(index)) << index;
            const auto none = tally.take_touched();
            ASSERT_TRUE(none && none->empty());
        }
    }
}

TEST(Tally, touches_only_what_was_drawn) {
    Tally tally({}, 1000);
    tally.add({{true, false, 0, {7, 5, 7}}});
    EXPECT_THAT(tally.take_touched(), testing::Optional(testing::ElementsAre(5, 7)));
}

TEST(Tally, that_goes_unread_keeps_no_more_than_a_quarter_of_the_indices) {
    Tally tally({}, 1000);
    std::mt19937 random(5);
    const auto below = [&](std::uint32_t end) { return static_cast<std::uint32_t>(random() % end); };
    std::size_t most = 0;
    for (int cycle = 0; cycle < 1000; ++cycle) {
        tally.add({{true, false, 0, {below(100), below(cycle < 500 ? 100 : 1000)}}});
        NamedArrays arrays;
        tally.save(arrays);
        const auto touched = std::get<std::vector<std::uint32_t>>(arrays["touched"]).size();
        if (touched < 1000) most = std::max(most, touched); // else a mark that stands for all
    }
    EXPECT_LE(most, 250U);
    EXPECT_FALSE(tally.take_touched());
}

TEST(Tally, a_count_that_would_wrap_is_an_error) {
    Tally tally({}, 8);
    NamedArrays arrays;
    tally.save(arrays);
    std::get<std::vector<std::uint32_t>>(arrays["count"])[3] = 0xffffffff;
    tally.load(arrays);
    EXPECT_NO_THROW(tally.add({{true, false, 0, {2, 4}}}));
    EXPECT_THROW(tally.add({{true, false, 0, {2, 3}}}), Error);
}

TEST(Tally, saved_in_the_middle_it_goes_on_as_if_uninterrupted) {
    for (const ExplorationOptions& options : all_options()) {
        SCOPED_TRACE(text(options.credit, " ", options.counts));
        for (const int interruption : {0, 2, 11}) {
            std::mt19937 random(3);
            Tally tally(options, images), resumed(options, images);
            for (int cycle = 0; cycle < interruption; ++cycle) tally.add(random_cycle(random));
            NamedArrays arrays;
            tally.save(arrays);
            resumed.load(arrays);
            for (int cycle = 0; cycle < 20; ++cycle) {
                const Cycle next = random_cycle(random);
                tally.add(next);
                resumed.add(next);
                ASSERT_THAT(resumed.count(), testing::ElementsAreArray(tally.count()));
                ASSERT_THAT(resumed.draws(), testing::ElementsAreArray(tally.draws()));
                ASSERT_THAT(resumed.credit(), testing::ElementsAreArray(tally.credit()));
                ASSERT_EQ(resumed.mean_count(), tally.mean_count());
                if (cycle % 3 != 0) continue;
                ASSERT_EQ(resumed.take_touched(), tally.take_touched());
            }
        }
    }
}

TEST(Tally, refuses_a_damaged_state) {
    ExplorationOptions options;
    options.counts = Counts::window;
    options.window_cycles = 3;
    std::mt19937 random(4);
    Tally tally(options, images);
    for (int cycle = 0; cycle < 5; ++cycle) tally.add(random_cycle(random));
    NamedArrays good;
    tally.save(good);
    const auto loads = [&](const NamedArrays& arrays) { Tally(options, images).load(arrays); };
    EXPECT_NO_THROW(loads(good));

    for (const auto& [name, values] : good) {
        NamedArrays without = good;
        without.erase(name);
        EXPECT_THROW(loads(without), Error) << name;
    }
    const auto damaged = [&](const char* name, std::size_t place, auto value) {
        NamedArrays arrays = good;
        std::get<std::vector<decltype(value)>>(arrays[name]).at(place) = value;
        return arrays;
    };
    EXPECT_THROW(loads(damaged("touched", 0, images)), Error);
    EXPECT_THROW(loads(damaged("window_index", 0, images)), Error);
    EXPECT_THROW(loads(damaged("window_contribution", 0, std::int32_t{3})), Error) << "cycle out of the window";
    EXPECT_THROW(loads(damaged("window_contribution", 0, std::int32_t{-1})), Error) << "cycle out of the window";
    EXPECT_THROW(loads(damaged("window_contribution", 4, std::int32_t{-6})), Error) << "fewer than no draws";
    EXPECT_THROW(loads(damaged("window_contribution", 4, std::int32_t{1 << 30})), Error) << "more draws than there are";
    EXPECT_THROW(loads(damaged("window_contribution", 4, std::int32_t{5})), Error) << "draws left over";
    EXPECT_THROW(loads(damaged("window_cycles", 0, std::int64_t{-1})), Error);
    EXPECT_THROW(loads(damaged("window_cycles", 0, std::int64_t{1} << 60)), Error);
    Tally other(options, images + 1);
    EXPECT_THROW(other.load(good), Error) << "another number of training examples";
}

} // namespace
} // namespace autosampling
