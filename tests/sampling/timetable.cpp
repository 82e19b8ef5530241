#include "autosampling/sampling/timetable.hpp"

#include "autosampling/base/error.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace autosampling {
namespace {

// A run lived through image by image and epoch by epoch, with state that the program's timetable does without.
class LivedTimetable {
  public:
    LivedTimetable(const ExplorationOptions& options, std::int64_t training_images, std::int64_t draws)
        : options_(options), training_images_(training_images), draws_(draws) {
        explore_if_due(true);
    }

    void live_through_a_cycle() {
        bool ended = false;
        for (std::int64_t draw = 0; draw < draws_; ++draw)
            if (++fed_ % training_images_ == 0) ended = true, ++epochs;
        epoch_ends = ended;
        ++cycles_since_;
        if (ended) ++epochs_since_;
        if (ended && started_) phase_ = (phase_ + 1) % (options_.uniform_epochs + 1);
        explore_if_due(ended);
    }

    std::int64_t epochs = 0;
    bool epoch_ends = false, explores = false;

    bool next_is_learned() const {
        return started_ && (options_.mixing == Mixing::draws || phase_ == options_.uniform_epochs);
    }

  private:
    void explore_if_due(bool ended) {
        explores = false;
        if (options_.kind != ExplorationKind::mixture) return;
        if (!started_)
            explores = started_ = ended && epochs == options_.first_epoch;
        else if (options_.interval_cycles > 0)
            explores = cycles_since_ == options_.interval_cycles;
        else
            explores = ended && epochs_since_ == options_.interval_epochs;
        if (explores) cycles_since_ = epochs_since_ = 0;
    }

    ExplorationOptions options_;
    std::int64_t training_images_, draws_;
    std::int64_t fed_ = 0, cycles_since_ = 0, epochs_since_ = 0, phase_ = 0;
    bool started_ = false;
};

void expect_equal_over(const ExplorationOptions& options, std::int64_t training_images, std::int64_t draws) {
    const ExplorationOptions resolved = resolve(options);
    const Timetable timetable(resolved, training_images, draws);
    LivedTimetable lived(resolved, training_images, draws);
    SCOPED_TRACE(testing::Message() << "N " << training_images << ", K " << draws << ", first " << resolved.first_epoch
                                    << ", interval " << resolved.interval_epochs << " epochs "
                                    << resolved.interval_cycles << " cycles, N_u " << resolved.uniform_epochs << ", "
                                    << resolved.mixing);
    EXPECT_EQ(timetable.explores(0), lived.explores);
    EXPECT_FALSE(timetable.epoch_ends(0));
    const std::int64_t cycles = timetable.cycles(40);
    for (std::int64_t cycle = 0; cycle < cycles; ++cycle) {
        ASSERT_EQ(timetable.learned(cycle), lived.next_is_learned()) << cycle;
        lived.live_through_a_cycle();
        ASSERT_EQ(timetable.epochs_complete(cycle + 1), lived.epochs) << cycle;
        ASSERT_EQ(timetable.epoch_ends(cycle + 1), lived.epoch_ends) << cycle;
        ASSERT_EQ(timetable.explores(cycle + 1), lived.explores) << cycle;
        ASSERT_EQ(lived.epochs >= 40, cycle + 1 == cycles) << cycle; // a run is just as long as it has to be
    }
}

TEST(Timetable, equals_a_run_lived_through) {
    for (const auto& [images, draws] :
         std::vector<std::pair<int, int>>{{97, 13}, {100, 25}, {101, 1}, {64, 64}, {63, 62}})
        for (const Credit credit : {Credit::winner, Credit::advantage})
            for (const Mixing mixing : {Mixing::automatic, Mixing::epochs, Mixing::draws})
                for (const int first : {-1, 0, 1, 5})
                    for (const int uniform : {-1, 0, 1, 2, 3})
                        for (const auto& [epochs, cycles] :
                             std::vector<std::pair<int, int>>{{0, 0}, {1, 0}, {4, 0}, {0, 1}, {0, 7}}) {
                            ExplorationOptions options;
                            options.credit = credit;
                            options.mixing = mixing;
                            options.first_epoch = first;
                            options.uniform_epochs = uniform;
                            options.interval_epochs = epochs;
                            options.interval_cycles = cycles;
                            expect_equal_over(options, images, draws);
                        }
}

TEST(Timetable, has_the_settings_of_the_paper_by_default) {
    // CIFAR-10: 50,000 images, cycles of 20 × 128; exploration after epochs 20, 24, 28, …; three uniform epochs before
    // each learned one.
    const Timetable timetable(resolve({}), 50'000, 2560);
    EXPECT_EQ(timetable.cycles(240), 4688);
    std::vector<std::int64_t> explored, learned;
    for (std::int64_t cycle = 0; cycle < timetable.cycles(32); ++cycle) {
        if (timetable.explores(cycle)) explored.push_back(timetable.epochs_complete(cycle));
        const std::int64_t epoch = timetable.epochs_complete(cycle);
        if (timetable.learned(cycle) && (learned.empty() || learned.back() != epoch)) learned.push_back(epoch);
    }
    EXPECT_EQ(explored, (std::vector<std::int64_t>{20, 24, 28}));
    EXPECT_EQ(learned, (std::vector<std::int64_t>{23, 27, 31}));
}

TEST(Timetable, advantage_credit_is_explored_after_every_cycle_from_the_first_on_by_default) {
    ExplorationOptions options;
    options.credit = Credit::advantage;
    const ExplorationOptions resolved = resolve(options);
    EXPECT_EQ(resolved.uniform_epochs, 0);
    EXPECT_EQ(resolved.mixing, Mixing::draws);
    const Timetable timetable(resolved, 7000, 192);
    for (std::int64_t cycle = 0; cycle < 100; ++cycle) {
        EXPECT_TRUE(timetable.explores(cycle));
        EXPECT_TRUE(timetable.learned(cycle));
    }
}

TEST(Timetable, resolving_keeps_what_was_chosen) {
    ExplorationOptions options;
    options.first_epoch = 3;
    options.interval_cycles = 2;
    options.uniform_epochs = 0;
    options.mixing = Mixing::draws;
    for (const Credit credit : {Credit::winner, Credit::advantage}) {
        options.credit = credit;
        const ExplorationOptions resolved = resolve(options);
        EXPECT_EQ(resolved.first_epoch, 3);
        EXPECT_EQ(resolved.interval_cycles, 2);
        EXPECT_EQ(resolved.interval_epochs, 0);
        EXPECT_EQ(resolved.uniform_epochs, 0);
        EXPECT_EQ(resolved.mixing, Mixing::draws);
    }
}

TEST(Timetable, other_kinds_than_mixture_never_learn) {
    for (const ExplorationKind kind : {ExplorationKind::none, ExplorationKind::random}) {
        ExplorationOptions options;
        options.kind = kind;
        options.first_epoch = 0;
        const Timetable timetable(resolve(options), 100, 10);
        for (std::int64_t cycle = 0; cycle < 400; ++cycle) {
            EXPECT_FALSE(timetable.learned(cycle));
            EXPECT_FALSE(timetable.explores(cycle));
        }
    }
}

// The cycles after which a round ends.
std::vector<std::int64_t> ends_of_rounds(const ExplorationOptions& options, const Timetable& timetable) {
    std::vector<std::int64_t> ends;
    for (std::int64_t done = 1; done <= timetable.cycles(6); ++done) {
        EXPECT_TRUE(timetable.learned(done));
        EXPECT_EQ(timetable.explores(done), timetable.round(done) == timetable.round(done - 1) + 1) << options.kind;
        if (timetable.explores(done)) ends.push_back(done);
    }
    return ends;
}

TEST(Timetable, a_round_of_policy_search_is_an_epoch_but_at_least_50_batches) {
    ExplorationOptions options;
    options.kind = ExplorationKind::policy;
    const ExplorationOptions resolved = resolve(options);
    const Timetable long_epochs(resolved, 6400, 640, 10); // 100 batches an epoch
    EXPECT_EQ(ends_of_rounds(resolved, long_epochs), (std::vector<std::int64_t>{10, 20, 30, 40, 50, 60}));
    const Timetable short_epochs(resolved, 600, 32, 2); // 37.5 batches, 18.75 cycles an epoch
    EXPECT_EQ(ends_of_rounds(resolved, short_epochs), (std::vector<std::int64_t>{38, 75, 113}));
    options.interval_cycles = 50;
    const Timetable by_cycles(resolve(options), 600, 32, 2);
    EXPECT_EQ(ends_of_rounds(resolve(options), by_cycles), (std::vector<std::int64_t>{50, 100}));
    EXPECT_FALSE(by_cycles.explores(0));
}

TEST(Timetable, a_run_of_a_fraction_of_an_epoch_is_rounded_up) {
    const Timetable timetable(resolve({}), 100, 30);
    EXPECT_EQ(timetable.cycles(0.5), 2);
    EXPECT_EQ(timetable.cycles(0.3), 1);
    EXPECT_EQ(timetable.cycles(0.31), 2);
}

ExitCode refusal(bool replacement, std::int64_t images, std::int64_t draws) {
    ExplorationOptions options;
    options.replacement = replacement;
    try {
        Timetable(resolve(options), images, draws);
    } catch (const Error& error) {
        return error.code();
    }
    return ExitCode::finished;
}

TEST(Timetable, refuses_cycles_longer_than_an_epoch) {
    EXPECT_EQ(refusal(true, 100, 100), ExitCode::finished);
    EXPECT_EQ(refusal(true, 100, 101), ExitCode::usage);
    EXPECT_EQ(refusal(true, 100, 0), ExitCode::usage);
}

TEST(Timetable, refuses_cycles_longer_than_a_quarter_of_an_epoch_without_replacement) {
    EXPECT_EQ(refusal(false, 103, 25), ExitCode::finished);
    EXPECT_EQ(refusal(false, 103, 26), ExitCode::usage);
}

} // namespace
} // namespace autosampling
