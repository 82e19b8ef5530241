// The streams of indices over a whole run: uniform and learned cycles, repeated cycles, restarts, large data sets.
#include "autosampling/sampling/sampler.hpp"

#include "autosampling/base/error.hpp"

#include "sampling/run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace autosampling {
namespace {

using testing_run::drawn;
using testing_run::exploring_every_cycle;
using testing_run::live;
using testing_run::make_sampler;
using testing_run::Schedule;

// The paper's way of mixing, with short epochs.
ExplorationOptions mixing_by_epochs(UniformDraws uniform = UniformDraws::member) {
    ExplorationOptions options;
    options.first_epoch = 2;
    options.uniform_epochs = 1;
    options.interval_epochs = 2;
    options.uniform = uniform;
    return options;
}

void expect_made_of_permutations(const Schedule& stream, std::size_t images) {
    Schedule all(images);
    std::iota(all.begin(), all.end(), 0U);
    for (std::size_t start = 0; start < stream.size(); start += images) {
        const std::size_t length = std::min(images, stream.size() - start); // the last one isn't complete
        const auto from = stream.begin() + static_cast<std::ptrdiff_t>(start);
        Schedule part(from, from + static_cast<std::ptrdiff_t>(length));
        std::sort(part.begin(), part.end());
        ASSERT_TRUE(std::includes(all.begin(), all.end(), part.begin(), part.end())) << start;
    }
}

TEST(Sampler, uniform_cycles_are_permutations_back_to_back_across_learned_cycles) {
    constexpr std::uint32_t images = 37, draws = 5, members = 3;
    Sampler sampler = make_sampler(mixing_by_epochs(), images, draws);
    std::vector<Schedule> stream(members);
    int learned = 0;
    for (std::int64_t cycle = 0; cycle < sampler.timetable().cycles(60); ++cycle) {
        const auto lived = live(sampler, cycle, draws, members);
        learned += sampler.timetable().learned(cycle) ? 1 : 0;
        if (sampler.timetable().learned(cycle)) continue;
        for (std::uint32_t member = 0; member < members; ++member)
            stream[member].insert(stream[member].end(), lived.schedules[member].begin(), lived.schedules[member].end());
    }
    EXPECT_GT(learned, 100);
    for (const Schedule& member : stream) expect_made_of_permutations(member, images);
    EXPECT_NE(stream[0], stream[1]);
    EXPECT_FALSE(std::equal(stream[0].begin(), stream[0].begin() + images, stream[0].begin() + images));
}

TEST(Sampler, with_uniform_lineage_the_winning_schedule_is_made_of_permutations) {
    constexpr std::uint32_t images = 37, draws = 5, members = 3;
    Sampler sampler = make_sampler(mixing_by_epochs(UniformDraws::lineage), images, draws);
    Schedule winning;
    int learned = 0;
    for (std::int64_t cycle = 0; cycle < sampler.timetable().cycles(60); ++cycle) {
        const auto lived = live(sampler, cycle, draws, members);
        learned += sampler.timetable().learned(cycle) ? 1 : 0;
        if (sampler.timetable().learned(cycle)) continue;
        const Schedule& winner = lived.schedules[lived.winner];
        winning.insert(winning.end(), winner.begin(), winner.end());
    }
    EXPECT_GT(learned, 100);
    expect_made_of_permutations(winning, images);
}

TEST(Sampler, one_member_without_exploration_reads_whole_permutations) {
    ExplorationOptions options;
    options.kind = ExplorationKind::none;
    Sampler sampler = make_sampler(options, 50, 20);
    Schedule stream;
    for (std::int64_t cycle = 0; cycle < 100; ++cycle) {
        const auto lived = live(sampler, cycle, 20, 1);
        stream.insert(stream.end(), lived.schedules[0].begin(), lived.schedules[0].end());
    }
    expect_made_of_permutations(stream, 50);
    EXPECT_THAT(sampler.tally().count(), testing::Each(40U));
    EXPECT_EQ(sampler.exploration(), 0U);
}

TEST(Sampler, draws_are_pure_and_a_repeated_cycle_draws_others) {
    for (const ExplorationOptions& options :
         {mixing_by_epochs(UniformDraws::member), mixing_by_epochs(UniformDraws::lineage),
          mixing_by_epochs(UniformDraws::replacement), exploring_every_cycle(Credit::winner, 1)}) {
        constexpr std::uint32_t images = 500, draws = 50;
        Sampler sampler = make_sampler(options, images, draws);
        for (std::int64_t cycle = 0; cycle < 60; ++cycle) {
            const Schedule first = drawn(sampler, draws, 1, cycle), second = drawn(sampler, draws, 1, cycle, 1),
                           third = drawn(sampler, draws, 1, cycle, 2), other = drawn(sampler, draws, 2, cycle);
            ASSERT_EQ(first, drawn(sampler, draws, 1, cycle));
            ASSERT_EQ(second, drawn(sampler, draws, 1, cycle, 1));
            ASSERT_NE(first, second);
            ASSERT_NE(second, third);
            ASSERT_NE(first, third);
            ASSERT_NE(first, other);
            live(sampler, cycle, draws, 3);
        }
    }
}

TEST(Sampler, another_seed_draws_other_indices_uniform_and_learned) {
    for (const ExplorationOptions& options :
         {mixing_by_epochs(UniformDraws::member), mixing_by_epochs(UniformDraws::replacement),
          exploring_every_cycle(Credit::advantage)}) {
        const Sampler one = make_sampler(options, 500, 50, 1), two = make_sampler(options, 500, 50, 2);
        EXPECT_NE(drawn(one, 50, 0, 0), drawn(two, 50, 0, 0));
    }
}

std::vector<ExplorationOptions> options_to_interrupt() {
    std::vector<ExplorationOptions> all;
    for (const Credit credit : {Credit::winner, Credit::advantage})
        for (const UniformDraws uniform : {UniformDraws::member, UniformDraws::lineage})
            for (const Counts counts : {Counts::all, Counts::window, Counts::decay}) {
                ExplorationOptions options = mixing_by_epochs(uniform);
                options.credit = credit;
                options.mixing = Mixing::epochs;
                options.counts = counts;
                options.window_cycles = 6;
                options.half_life_cycles = 5;
                options.replacement = false;
                all.push_back(options);
                options = exploring_every_cycle(credit, 2);
                options.counts = counts;
                options.interval_cycles = 3;
                options.window_cycles = 6;
                options.half_life_cycles = 5;
                options.perturbation = 0.2;
                if (uniform == UniformDraws::member) all.push_back(options);
            }
    return all;
}

TEST(Sampler, saved_at_any_cycle_it_goes_on_as_if_uninterrupted) {
    constexpr std::uint32_t images = 61, draws = 9, members = 3;
    for (const ExplorationOptions& options : options_to_interrupt()) {
        SCOPED_TRACE(text(options.credit, " ", options.uniform, " ", options.counts, " ", options.mixing));
        for (const std::int64_t interruption : {0, 17, 40}) {
            Sampler sampler = make_sampler(options, images, draws), resumed = make_sampler(options, images, draws);
            for (std::int64_t cycle = 0; cycle < interruption; ++cycle) live(sampler, cycle, draws, members);
            resumed.load(sampler.save());
            ASSERT_EQ(resumed.probability(), sampler.probability());
            for (std::int64_t cycle = interruption; cycle < interruption + 40; ++cycle) {
                ASSERT_EQ(live(resumed, cycle, draws, members).schedules,
                          live(sampler, cycle, draws, members).schedules);
                ASSERT_EQ(resumed.exploration(), sampler.exploration());
                ASSERT_EQ(resumed.entropy(), sampler.entropy());
            }
            ASSERT_EQ(resumed.save(), sampler.save());
        }
    }
}

TEST(Sampler, refuses_a_damaged_or_foreign_state) {
    ExplorationOptions options = exploring_every_cycle(Credit::advantage, 1);
    options.uniform = UniformDraws::lineage;
    Sampler sampler = make_sampler(options, 61, 9);
    for (std::int64_t cycle = 0; cycle < 20; ++cycle) live(sampler, cycle, 9, 3);
    const NamedArrays good = sampler.save();
    const auto loads = [&](const NamedArrays& arrays) { make_sampler(options, 61, 9).load(arrays); };
    EXPECT_NO_THROW(loads(good));
    for (const auto& [name, values] : good) {
        NamedArrays without = good;
        without.erase(name);
        EXPECT_THROW(loads(without), Error) << name;
    }
    for (const double weight : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
        NamedArrays damaged = good;
        std::get<std::vector<double>>(damaged["level_weight"])[3] = weight;
        EXPECT_THROW(loads(damaged), Error) << weight;
    }
    Sampler larger = make_sampler(options, 62, 9);
    EXPECT_THROW(larger.load(good), Error);
    options.credit = Credit::winner;
    EXPECT_THROW(loads(good), Error) << "another credit";
}

TEST(Sampler, refuses_more_draws_than_training_examples) {
    EXPECT_THROW(make_sampler({}, 10, 11), Error);
}

TEST(Sampler, halving_merges_groups) {
    ExplorationOptions options = exploring_every_cycle(Credit::winner);
    options.counts = Counts::decay;
    options.half_life_cycles = 2;
    Sampler sampler = make_sampler(options, 10, 5);
    sampler.count(0, {{true, false, 0, {0, 1, 1, 2, 2}}});
    sampler.count(1, {{true, false, 0, {2, 3, 3, 3, 3}}}); // counts 1 2 3 4, halved: 0 1 1 2
    sampler.adopt(sampler.estimate());
    const auto p = sampler.probability();
    EXPECT_EQ(p[0], p[9]);
    EXPECT_EQ(p[1], p[2]);
    EXPECT_GT(p[3], p[2]);
    EXPECT_GT(p[2], p[0]);
}

TEST(Sampler, re_estimation_moves_only_what_changed) {
    constexpr std::uint32_t images = 100'000, draws = 100;
    Sampler sampler = make_sampler(exploring_every_cycle(Credit::winner), images, draws);
    const auto order = [&] { return std::get<Schedule>(sampler.save().at("group_order")); };
    Schedule before = order();
    for (std::int64_t cycle = 0; cycle < 5; ++cycle) {
        live(sampler, cycle, draws, 4);
        sampler.adopt(sampler.estimate());
        const Schedule after = order();
        std::size_t changed = 0;
        for (std::size_t place = 0; place < images; ++place) changed += before[place] != after[place] ? 1 : 0;
        EXPECT_GT(changed, 0U);
        EXPECT_LE(changed, 8 * draws); // two places a level crossed, and hardly any index was drawn before
        before = after;
    }
}

// 12 bytes an index with winner credit: 120 MB.
TEST(Sampler, works_with_ten_million_training_examples) {
    constexpr std::uint32_t images = 10'000'000, draws = 2560;
    Sampler sampler = make_sampler(exploring_every_cycle(Credit::winner), images, draws);
    std::vector<std::uint32_t> count(images, 0);
    for (std::int64_t cycle = 0; cycle < 10; ++cycle) {
        const auto lived = live(sampler, cycle, draws, 2);
        for (const std::uint32_t index : lived.schedules[lived.winner]) {
            ASSERT_LT(index, images);
            ++count[index];
        }
    }
    EXPECT_TRUE(std::equal(count.begin(), count.end(), sampler.tally().count().begin()));
    sampler.adopt(sampler.estimate());
    std::vector<double> group(1 + *std::max_element(count.begin(), count.end()), 0);
    for (const std::uint32_t c : count) ++group[c];
    const double mean = 10.0 * draws / images;
    double sum = 0, entropy = 0;
    const auto weight = [&](std::size_t c) { return std::log(1 + (static_cast<double>(c) + 1) / (mean + 1)); };
    for (std::size_t c = 0; c < group.size(); ++c) sum += group[c] * weight(c);
    for (std::size_t c = 0; c < group.size(); ++c) entropy -= group[c] * weight(c) / sum * std::log(weight(c) / sum);
    EXPECT_NEAR(sampler.entropy(), entropy, 1e-9);
}

} // namespace
} // namespace autosampling
