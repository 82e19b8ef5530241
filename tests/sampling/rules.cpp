// The rival rules on cases with known answers.
#include "autosampling/sampling/rules.hpp"

#include "autosampling/base/error.hpp"
#include "harness/test_name.hpp"
#include "sampling/run.hpp"
#include "sampling/statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <vector>

namespace autosampling {
namespace {

using statistics::chi_square_p;
using statistics::false_alarm;
using statistics::uniform_p;

// A rule with all that it needs, as a run of one member has it.
class RuleRun {
  public:
    RuleRun(const SamplingOptions& options, std::vector<std::int32_t> label, std::uint32_t draws, std::int64_t cycles)
        : label_(std::move(label)), draws_(draws),
          sampler_(testing_run::make_sampler(one_member(), static_cast<std::uint32_t>(label_.size()), draws)),
          rule(make_rule(options, {11, label_, draws, cycles, sampler_})) {}

    struct Cycle {
        std::vector<std::uint32_t> index;
        std::vector<float> weight;
    };

    Cycle draw(std::uint8_t attempt = 0) const {
        Cycle drawn{std::vector<std::uint32_t>(draws_), std::vector<float>(draws_)};
        rule->draw(cycle_, attempt, drawn.index);
        rule->weights(cycle_, attempt, drawn.weight);
        return drawn;
    }

    // One cycle in which each example has this loss.
    Cycle live(const std::function<float(std::uint32_t)>& loss_of) {
        Cycle drawn = draw();
        std::vector<float> loss(draws_);
        std::transform(drawn.index.begin(), drawn.index.end(), loss.begin(), loss_of);
        rule->reweigh(cycle_, loss, drawn.weight);
        sampler_.count(cycle_, {{true, false, 0, drawn.index}});
        rule->learn(drawn.index, loss);
        ++cycle_;
        return drawn;
    }

    NamedArrays save() const {
        NamedArrays arrays = sampler_.save();
        rule->save(arrays);
        return arrays;
    }
    void load(const NamedArrays& arrays, std::int64_t cycle) {
        sampler_.load(arrays);
        rule->load(arrays);
        cycle_ = cycle;
    }

  private:
    static ExplorationOptions one_member() {
        ExplorationOptions options;
        options.kind = ExplorationKind::none;
        return options;
    }

    std::vector<std::int32_t> label_;
    std::uint32_t draws_;
    Sampler sampler_;
    std::int64_t cycle_ = 0;

  public:
    std::unique_ptr<SamplingRule> rule;
};

SamplingOptions rule_options(Rule rule) {
    SamplingOptions options;
    options.rule = rule;
    return options;
}

// Loss number i of a sequence that ascends by at least 1/32 of itself, so that no two share a level.
float ascending_loss(std::uint32_t i) {
    return std::ldexp(1 + static_cast<float>(i % 16) / 16, static_cast<int>(i / 16) - 6);
}

TEST(Rules, uniform_is_none) {
    const Sampler sampler = testing_run::make_sampler({}, 10, 5);
    EXPECT_EQ(make_rule({}, {1, {}, 5, 10, sampler}), nullptr);
}

TEST(ClassBalanced, classes_are_drawn_alike_and_so_are_the_examples_of_each) {
    std::vector<std::int32_t> label(100, 0); // and none of class 1
    label.resize(110, 3);
    label.resize(112, 2);
    RuleRun run(rule_options(Rule::class_balanced), label, 112, 1000);
    std::vector<std::int64_t> by_class(4, 0), by_index(112, 0);
    for (int cycle = 0; cycle < 1000; ++cycle)
        for (const std::uint32_t index : run.live([](auto) { return 1.0F; }).index) {
            ++by_class[static_cast<std::size_t>(label[index])];
            ++by_index[index];
        }
    EXPECT_EQ(by_class[1], 0);
    EXPECT_GT(uniform_p(std::vector{by_class[0], by_class[2], by_class[3]}), false_alarm);
    EXPECT_GT(uniform_p(std::span(by_index).first(100)), false_alarm);
    EXPECT_GT(uniform_p(std::span(by_index).subspan(100, 10)), false_alarm);
    EXPECT_GT(uniform_p(std::span(by_index).subspan(110)), false_alarm);
}

TEST(LossRank, pressure_falls_exponentially_from_the_second_epoch_to_the_last) {
    const SamplingOptions options = rule_options(Rule::loss_rank);
    EXPECT_DOUBLE_EQ(selection_pressure(options, 1, 21), 100);
    EXPECT_NEAR(selection_pressure(options, 11, 21), 10, 1e-12);
    EXPECT_NEAR(selection_pressure(options, 21, 21), 1, 1e-12);
    EXPECT_DOUBLE_EQ(selection_pressure(options, 1, 1), 100);
}

TEST(LossRank, first_epoch_is_uniform) {
    RuleRun run(rule_options(Rule::loss_rank), std::vector<std::int32_t>(96, 0), 32, 30);
    std::vector<int> seen(96, 0);
    for (int cycle = 0; cycle < 3; ++cycle)
        for (const std::uint32_t index : run.live(ascending_loss).index) ++seen[index];
    EXPECT_EQ(seen, std::vector<int>(96, 1));
}

// The draws of one epoch, many times over by other attempts, after all losses are known.
std::vector<std::int64_t> draws_in_epoch(std::int64_t epoch, const std::function<float(std::uint32_t)>& loss_of) {
    RuleRun run(rule_options(Rule::loss_rank), std::vector<std::int32_t>(96, 0), 32, 3 * 21); // the last epoch is 20
    for (int cycle = 0; cycle < 3; ++cycle) run.live(loss_of);
    std::vector<std::int64_t> seen(96, 0);
    std::vector<std::uint32_t> out(32);
    for (std::int64_t cycle = 3 * epoch; cycle < 3 * epoch + 3; ++cycle)
        for (int attempt = 0; attempt < 250; ++attempt) {
            run.rule->draw(cycle, static_cast<std::uint8_t>(attempt), out);
            for (const std::uint32_t index : out) ++seen[index];
        }
    return seen;
}

std::vector<double> rank_probability(std::size_t images, double pressure) {
    std::vector<double> p(images); // the greatest loss last
    for (std::size_t i = 0; i < images; ++i)
        p[images - 1 - i] = std::pow(pressure, -static_cast<double>(i) / static_cast<double>(images));
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& each : p) each /= sum;
    return p;
}

TEST(LossRank, draws_follow_the_rank_with_the_pressure_of_their_epoch) {
    const auto first = draws_in_epoch(1, ascending_loss);
    EXPECT_GT(chi_square_p(first, rank_probability(96, 100)), false_alarm);
    EXPECT_LT(chi_square_p(first, rank_probability(96, 50)), false_alarm);
    const double later = selection_pressure(rule_options(Rule::loss_rank), 11, 20);
    EXPECT_GT(chi_square_p(draws_in_epoch(11, ascending_loss), rank_probability(96, later)), false_alarm);
    EXPECT_GT(uniform_p(draws_in_epoch(20, ascending_loss)), false_alarm);
}

TEST(LossRank, equal_losses_share_their_ranks) {
    const auto seen = draws_in_epoch(1, [](std::uint32_t index) { return index % 2 == 0 ? 0.25F : 4.0F; });
    const std::vector<double> p = rank_probability(96, 100);
    const double low = std::accumulate(p.begin(), p.begin() + 48, 0.0) / 48;
    const double high = std::accumulate(p.begin() + 48, p.end(), 0.0) / 48;
    std::vector<double> expected;
    for (int index = 0; index < 96; ++index) expected.push_back(index % 2 == 0 ? low : high);
    EXPECT_GT(chi_square_p(seen, expected), false_alarm);
}

TEST(LossRank, goes_by_the_latest_loss_however_extreme) {
    SamplingOptions options = rule_options(Rule::loss_rank);
    options.pressure = options.final_pressure = 1e12;
    RuleRun run(options, std::vector<std::int32_t>(4, 0), 2, 200);
    for (int cycle = 0; cycle < 2; ++cycle) run.live(ascending_loss);
    const auto only = [&](float first, std::uint32_t winner) {
        const std::vector<std::uint32_t> index{0, 1, 2, 3};
        run.rule->learn(index, std::vector{first, 1e-6F, 2.0F, 0.0F});
        std::vector<std::int64_t> seen(4, 0);
        std::vector<std::uint32_t> out(2);
        for (std::int64_t cycle = 2; cycle < 202; ++cycle) {
            run.rule->draw(cycle, 0, out);
            for (const std::uint32_t x : out) ++seen[x];
        }
        EXPECT_GT(seen[winner], 390) << first; // p = 0.999
    };
    only(1e30F, 0);
    only(1.5F, 2);
}

TEST(SmallLoss, kept_fraction_falls_linearly_to_what_is_not_forgotten) {
    const SamplingOptions options = rule_options(Rule::small_loss);
    EXPECT_DOUBLE_EQ(kept_fraction(options, 0), 1);
    EXPECT_DOUBLE_EQ(kept_fraction(options, 5), 0.9);
    EXPECT_DOUBLE_EQ(kept_fraction(options, 10), 0.8);
    EXPECT_DOUBLE_EQ(kept_fraction(options, 200), 0.8);
}

TEST(SmallLoss, just_the_smallest_losses_of_a_batch_count_as_their_mean) {
    SamplingOptions options = rule_options(Rule::small_loss);
    options.forget_rate = 0.4;
    const RuleRun run(options, std::vector<std::int32_t>(10, 0), 10, 200);
    const std::vector<float> loss{5, 1, 9, 2, 8, 3, 7, 4, 6, 0};
    const auto weights_in_epoch = [&](std::int64_t epoch) {
        std::vector<float> weight(10, 1);
        run.rule->reweigh(epoch, loss, weight);
        return weight;
    };
    EXPECT_EQ(weights_in_epoch(0), std::vector<float>(10, 1));
    const std::vector<std::size_t> kept{10, 9, 9, 8, 8, 8, 7, 7, 6, 6, 6}; // ⌊(1 − 0.04 t) · 10⌋
    for (std::size_t epoch = 0; epoch < kept.size(); ++epoch)
        for (std::size_t i = 0; i < 10; ++i) {
            const float expected =
                loss[i] < static_cast<float>(kept[epoch]) ? 10.0F / static_cast<float>(kept[epoch]) : 0;
            EXPECT_EQ(weights_in_epoch(static_cast<std::int64_t>(epoch))[i], expected) << "epoch " << epoch;
        }
    std::vector<float> one{1};
    run.rule->reweigh(100, std::vector<float>{3}, one);
    EXPECT_EQ(one, std::vector<float>{1}); // never nothing
}

TEST(SmallLoss, draws_are_the_uniform_ones) {
    RuleRun run(rule_options(Rule::small_loss), std::vector<std::int32_t>(60, 0), 20, 30);
    std::vector<int> seen(60, 0);
    for (int cycle = 0; cycle < 3; ++cycle)
        for (const std::uint32_t index : run.live(ascending_loss).index) ++seen[index];
    EXPECT_EQ(seen, std::vector<int>(60, 1));
}

// Two thirds of 96 examples have a loss below the mean.
float two_losses(std::uint32_t index) {
    return index % 3 == 0 ? 4.0F : 1.0F;
}

TEST(InfoBatch, first_pass_is_whole) {
    RuleRun run(rule_options(Rule::infobatch), std::vector<std::int32_t>(96, 0), 32, 1000);
    std::vector<int> seen(96, 0);
    for (int cycle = 0; cycle < 3; ++cycle) {
        const RuleRun::Cycle drawn = run.live(two_losses);
        for (const std::uint32_t index : drawn.index) ++seen[index];
        EXPECT_EQ(drawn.weight, std::vector<float>(32, 1));
    }
    EXPECT_EQ(seen, std::vector<int>(96, 1));
}

TEST(InfoBatch, weights_make_up_for_what_is_left_out) {
    for (const double rate : {0.5, 0.75}) {
        SamplingOptions options = rule_options(Rule::infobatch);
        options.prune_rate = rate;
        options.anneal = 0;
        RuleRun run(options, std::vector<std::int32_t>(96, 0), 32, 100'000);
        for (int cycle = 0; cycle < 6; ++cycle) run.live(two_losses); // the next passes know all losses
        std::vector<double> weight(96, 0), draws(96, 0);
        for (int cycle = 0; cycle < 4000; ++cycle) {
            const RuleRun::Cycle drawn = run.live(two_losses);
            for (std::size_t i = 0; i < drawn.index.size(); ++i) {
                const std::uint32_t index = drawn.index[i];
                EXPECT_EQ(drawn.weight[i], index % 3 == 0 ? 1.0F : static_cast<float>(1 / (1 - rate)));
                weight[index] += drawn.weight[i];
                ++draws[index];
            }
        }
        // Great losses are in every pass, so that they count the passes; each weight has variance r / (1 − r).
        const double passes = draws[0];
        EXPECT_NEAR(passes, 4000 * 32 / (32 + 64 * (1 - rate)), passes * 0.02);
        const double deviation = std::sqrt(rate / (1 - rate) * passes);
        for (std::uint32_t index = 0; index < 96; ++index)
            EXPECT_NEAR(weight[index], passes, index % 3 == 0 ? 2 : 5 * deviation) << index;
        EXPECT_NEAR(std::accumulate(weight.begin(), weight.end(), 0.0), 96 * passes, 5 * 8 * deviation + 96);
    }
}

TEST(InfoBatch, passes_at_the_end_of_the_run_are_whole) {
    constexpr int cycles = 240; // of 32 of 96 draws, the last eighth of them 30 cycles: 10 epochs
    RuleRun run(rule_options(Rule::infobatch), std::vector<std::int32_t>(96, 0), 32, cycles);
    std::vector<int> seen(96, 0);
    bool pruned = false;
    for (int cycle = 0; cycle < cycles; ++cycle) {
        const RuleRun::Cycle drawn = run.live(two_losses);
        const bool whole = drawn.weight == std::vector<float>(32, 1);
        if (cycle >= 207 && cycle < 210) pruned = pruned || !whole;
        if (cycle < 213) continue; // a pass that had begun before
        EXPECT_TRUE(whole) << cycle;
        for (const std::uint32_t index : drawn.index) ++seen[index];
    }
    EXPECT_TRUE(pruned);
    const auto [least, most] = std::minmax_element(seen.begin(), seen.end());
    EXPECT_GE(*least, 8); // of 9 epochs, cut at either end
    EXPECT_LE(*most, 10);
}

TEST(InfoBatch, repeated_cycle_feeds_the_same_draws_and_weights_in_another_order) {
    RuleRun run(rule_options(Rule::infobatch), std::vector<std::int32_t>(96, 0), 32, 1000);
    for (int cycle = 0; cycle < 10; ++cycle) run.live(two_losses);
    const auto sorted = [](const RuleRun::Cycle& cycle) {
        std::vector<std::pair<std::uint32_t, float>> pairs;
        for (std::size_t i = 0; i < cycle.index.size(); ++i) pairs.emplace_back(cycle.index[i], cycle.weight[i]);
        std::sort(pairs.begin(), pairs.end());
        return pairs;
    };
    const RuleRun::Cycle first = run.draw(0), second = run.draw(1), third = run.draw(2);
    EXPECT_NE(first.index, second.index);
    EXPECT_NE(second.index, third.index);
    EXPECT_EQ(sorted(first), sorted(second));
    EXPECT_EQ(sorted(first), sorted(third));
}

class EachRule : public testing::TestWithParam<Rule> {};
INSTANTIATE_TEST_SUITE_P(Rules, EachRule,
                         testing::Values(Rule::class_balanced, Rule::loss_rank, Rule::small_loss, Rule::infobatch),
                         [](const auto& rule) { return test_name(rule.param); });

TEST_P(EachRule, saved_memory_goes_on_as_it_would_have) {
    std::vector<std::int32_t> label(96);
    for (std::size_t index = 0; index < 96; ++index) label[index] = index % 5 == 0;
    const auto loss_in = [](int cycle) {
        return [cycle](std::uint32_t index) {
            return ascending_loss((index * 7 + static_cast<std::uint32_t>(cycle)) % 90);
        };
    };
    for (const int cut : {0, 1, 7, 30}) {
        RuleRun whole(rule_options(GetParam()), label, 40, 100), resumed(rule_options(GetParam()), label, 40, 100);
        for (int cycle = 0; cycle < cut; ++cycle) whole.live(loss_in(cycle));
        resumed.load(whole.save(), cut);
        for (int cycle = cut; cycle < cut + 30; ++cycle) {
            const RuleRun::Cycle a = whole.live(loss_in(cycle)), b = resumed.live(loss_in(cycle));
            ASSERT_EQ(a.index, b.index) << cycle;
            ASSERT_EQ(a.weight, b.weight) << cycle;
        }
    }
}

TEST_P(EachRule, memory_is_named_after_the_rule_and_checked) {
    RuleRun run(rule_options(GetParam()), std::vector<std::int32_t>(96, 0), 40, 100);
    run.live(ascending_loss);
    NamedArrays memory;
    run.rule->save(memory);
    for (const auto& [name, values] : memory) {
        EXPECT_TRUE(name.starts_with("rule_")) << name;
        NamedArrays damaged = memory;
        damaged.erase(name);
        RuleRun other(rule_options(GetParam()), std::vector<std::int32_t>(96, 0), 40, 100);
        EXPECT_THROW(other.rule->load(damaged), Error) << name;
    }
    if (GetParam() != Rule::infobatch) return;
    std::get<std::vector<std::uint32_t>>(memory.at("rule_queue")).back() = 96;
    EXPECT_THROW(run.rule->load(memory), Error);
}

} // namespace
} // namespace autosampling
