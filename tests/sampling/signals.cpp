#include "autosampling/sampling/signals.hpp"

#include "autosampling/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace autosampling {
namespace {

using testing::DoubleNear;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using Names = std::vector<std::string>;
using Labels = std::vector<std::int32_t>;

const double nan = std::numeric_limits<double>::quiet_NaN();
const Labels labels{0, 0, 0, 0, 1, 1, 2, 2};
const std::vector<double> none_rewarded{nan, nan, nan};

Tally make_tally(Credit credit = Credit::winner) {
    ExplorationOptions options;
    options.credit = credit;
    return {options, 8};
}

// φ of one weight, for every example.
std::vector<double> phi(const Signals& signals, const std::string& weight) {
    for (const Signal& signal : signals.all())
        for (const Signal::Feature& feature : signal.features)
            if (feature.name == weight) {
                std::vector<double> values;
                for (const std::uint16_t level : signal.level) values.push_back(feature.phi[level]);
                return values;
            }
    ADD_FAILURE() << "no weight " << weight;
    return {};
}

double mean(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST(Signals, loss_is_the_rank_and_how_far_it_is_from_the_middle) {
    Signals signals(Names{"loss"}, labels, 3, {});
    EXPECT_THAT(signals.weight_names(), ElementsAre("loss.rank", "loss.extremes"));
    EXPECT_THAT(signals.scales(), ElementsAre(1, 0.7));
    EXPECT_THAT(phi(signals, "loss.rank"), Each(0));
    EXPECT_THAT(phi(signals, "loss.extremes"), Each(0));
    EXPECT_THAT(signals.vary(), ElementsAre(0, 0));
    signals.observe(std::vector<std::uint32_t>{0, 1, 2, 4}, std::vector<float>{0.5F, 3, 0.1F, 0.7F});
    signals.close_round(none_rewarded, make_tally());
    const auto rank = phi(signals, "loss.rank"), extremes = phi(signals, "loss.extremes");
    const double step = 2.0 / 255; // of the levels
    EXPECT_THAT(rank, testing::Pointwise(DoubleNear(step), {-0.25, 0.75, -0.75, 0.0, 0.25, 0.0, 0.0, 0.0}));
    for (const std::size_t x : {0U, 1U, 2U, 4U}) EXPECT_DOUBLE_EQ(extremes[x], 1.5 * (rank[x] * rank[x] - 1.0 / 3));
    for (const std::size_t unseen : {3U, 5U, 6U, 7U}) EXPECT_EQ(extremes[unseen], 0);
    EXPECT_THAT(signals.vary(), ElementsAre(1, 1));
}

TEST(Signals, class_is_its_size_and_its_loss_on_the_reward_set_less_their_means) {
    Signals signals(Names{"class"}, labels, 3, {});
    EXPECT_THAT(signals.weight_names(), ElementsAre("class.size", "class.loss"));
    const double size = (4 * std::log(4) + 4 * std::log(2)) / 8;
    const double large = std::log(4) - size, small = std::log(2) - size;
    EXPECT_THAT(phi(signals, "class.size"),
                testing::Pointwise(DoubleNear(1e-14), {large, large, large, large, small, small, small, small}));
    EXPECT_THAT(phi(signals, "class.loss"), Each(0));
    EXPECT_THAT(signals.vary(), ElementsAre(1, 0));

    signals.close_round(std::vector<double>{0.5, 2, 0}, make_tally());
    const auto loss = phi(signals, "class.loss");
    EXPECT_NEAR(mean(loss), 0, 1e-14);
    EXPECT_NEAR(loss[4] - loss[0], std::log(2.001) - std::log(0.501), 1e-14);
    EXPECT_NEAR(loss[4] - loss[7], std::log(2.001) - std::log(0.001), 1e-14);
}

TEST(Signals, a_class_without_reward_examples_is_like_the_mean_of_the_others) {
    Signals signals(Names{"class"}, labels, 3, {});
    signals.close_round(std::vector<double>{0.5, nan, 2}, make_tally());
    const auto loss = phi(signals, "class.loss");
    EXPECT_EQ(loss[4], 0);
    EXPECT_NEAR(mean(loss), 0, 1e-14);
    EXPECT_NEAR(loss[7] - loss[0], std::log(2.001) - std::log(0.501), 1e-14);
    signals.close_round(none_rewarded, make_tally());
    EXPECT_THAT(phi(signals, "class.loss"), Each(0));
}

TEST(Signals, score_and_count_are_standardised) {
    Tally tally = make_tally(Credit::advantage);
    tally.add({{true, true, 65536, {0, 1, 2}}, {true, true, -65536, {2, 3, 3}}});
    Signals signals(Names{"score", "count"}, labels, 3, {});
    EXPECT_THAT(signals.vary(), ElementsAre(0, 0));
    signals.close_round({}, tally);
    const auto score = phi(signals, "score"), count = phi(signals, "count");
    for (const auto& values : {score, count}) {
        EXPECT_NEAR(mean(values), 0, 1e-14);
        double squares = 0;
        for (const double value : values) squares += value * value / 8;
        EXPECT_NEAR(squares, 1, 1e-14);
    }
    EXPECT_EQ(score[2], score[4]);                                                // +1 and −1, and never drawn
    EXPECT_NEAR((score[0] - score[2]) / (score[2] - score[3]), 10.0 / 15, 1e-12); // 1 and √2 in steps of 3/31
    EXPECT_NEAR(count[2] - count[0], count[0] - count[4], 1e-14);
    EXPECT_EQ(count[2], count[3]);
}

TEST(Signals, a_column_of_numbers_is_standardised) {
    const Column column{"quality", {}, {1, 2, 3, 4, 1, 2, 3, 4}};
    const Signals signals(Names{"column:quality"}, labels, 3, std::vector<Column>{column});
    EXPECT_THAT(signals.weight_names(), ElementsAre("column:quality"));
    const double deviation = std::sqrt(1.25);
    std::vector<double> expected;
    for (const double value : column.value) expected.push_back((value - 2.5) / deviation);
    EXPECT_THAT(phi(signals, "column:quality"), testing::Pointwise(DoubleNear(1e-14), expected));
}

TEST(Signals, a_column_of_words_has_a_weight_for_each) {
    const Column column{"source", {"a", "b", "unused"}, {0, 0, 1, 0, 0, 1, 0, 0}};
    const Signals signals(Names{"column:source"}, labels, 3, std::vector<Column>{column});
    EXPECT_THAT(signals.weight_names(), ElementsAre("column:source=a", "column:source=b", "column:source=unused"));
    EXPECT_EQ(phi(signals, "column:source=a")[0], 0.25);
    EXPECT_EQ(phi(signals, "column:source=a")[2], -0.75);
    EXPECT_EQ(phi(signals, "column:source=b")[2], 0.75);
    EXPECT_THAT(signals.vary(), ElementsAre(1, 1, 0));
}

TEST(Signals, a_column_of_one_value_is_without_effect) {
    const Column column{"quality", {}, std::vector<double>(8, 0.1)};
    const Signals signals(Names{"column:quality"}, labels, 3, std::vector<Column>{column});
    EXPECT_THAT(signals.vary(), ElementsAre(0));
    EXPECT_THAT(phi(signals, "column:quality"), Each(0));
}

TEST(Signals, more_numbers_than_levels_share_them_with_their_neighbours) {
    constexpr std::uint32_t examples = 200'000;
    Column column{"length", {}, {}};
    for (std::uint32_t x = 0; x < examples; ++x) column.value.push_back(std::sqrt(x * 7919ULL % examples));
    const Signals signals(Names{"column:length"}, Labels(examples, 0), 1, std::vector<Column>{column});
    const auto values = phi(signals, "column:length");
    EXPECT_NEAR(mean(values), 0, 1e-10);
    const double average = mean(column.value);
    double squares = 0;
    for (const double value : column.value) squares += (value - average) * (value - average) / examples;
    for (std::uint32_t x = 0; x < examples; ++x)
        ASSERT_NEAR(values[x], (column.value[x] - average) / std::sqrt(squares), 0.02);
}

TEST(Signals, what_they_are_made_from_is_refused_by_name) {
    const auto refusal = [](const Names& names) {
        try {
            (void)columns_of(names);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::usage);
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_EQ(refusal({"loss", "class", "score", "count", "column:a"}), "");
    EXPECT_THAT(refusal({}), HasSubstr("exploration.signals is empty"));
    EXPECT_THAT(refusal({"loss", "class", "loss"}), HasSubstr("\"loss\" twice"));
    EXPECT_THAT(refusal({"losses"}), HasSubstr("\"losses\" (no such signal)"));
    EXPECT_THAT(refusal({"column:"}), HasSubstr("\"column:\" (no such signal)"));
    EXPECT_THAT(refusal({"column:source=web"}), HasSubstr("\"column:source=web\" (a column's name"));
    EXPECT_THAT(columns_of(Names{"column:a", "loss", "column:b:c"}), ElementsAre("a", "b:c"));
    EXPECT_THROW(Signals(Names{"class"}, labels, 65537, {}), Error);
}

TEST(Signals, what_was_saved_inside_a_round_goes_on_as_if_it_had_not_been) {
    const Names names{"count", "loss", "score", "class"};
    Signals signals(names, labels, 3, {}), again(names, labels, 3, {});
    Tally tally = make_tally(Credit::advantage);
    const std::vector<std::uint32_t> drawn{0, 1, 5, 5};
    const std::vector<float> loss{0.5F, 3, 0.1F, 0.7F};
    tally.add({{true, true, 65536, drawn}});
    signals.observe(drawn, loss);
    signals.close_round(std::vector<double>{0.5, nan, 2}, tally);
    tally.add({{true, true, -65536, {1, 2, 3, 4}}}); // counts go on inside a round, signals don't see it
    signals.observe(std::vector<std::uint32_t>{2}, std::vector<float>{9});
    NamedArrays saved;
    signals.save(saved);
    again.load(saved);
    const auto expect_equal = [&] {
        for (const std::string& weight : signals.weight_names()) EXPECT_EQ(phi(again, weight), phi(signals, weight));
    };
    expect_equal();
    for (Signals* either : {&signals, &again}) {
        either->observe(drawn, loss);
        either->close_round(std::vector<double>{1, 1, 2}, tally);
    }
    expect_equal();

    std::get<std::vector<std::uint32_t>>(saved["signal_score"])[0] = 64;
    EXPECT_THROW(again.load(saved), Error);
}

TEST(Signals, other_values_of_a_column_than_those_that_were_saved_are_refused_by_its_name) {
    const Names names{"column:length", "loss", "column:source"};
    const Column length{"length", {}, {1, 2, 3, 4, 1, 2, 3, 4}};
    const Column source{"source", {"a", "b"}, {0, 0, 1, 0, 0, 1, 0, 0}};
    NamedArrays saved;
    Signals(names, labels, 3, std::vector<Column>{length, source}).save(saved);
    const auto refusal = [&](const Column& first, const Column& last) {
        Signals signals(names, labels, 3, std::vector<Column>{first, last});
        try {
            signals.load(saved);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::data);
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_EQ(refusal(length, source), "");
    Column other = length;
    other.value[7] = 5;
    EXPECT_THAT(refusal(other, source), HasSubstr("column:length has other values"));
    other = source;
    std::swap(other.value[1], other.value[2]);
    EXPECT_THAT(refusal(length, other), HasSubstr("column:source has other values"));
    other = source;
    other.words[1] = "c";
    EXPECT_THAT(refusal(length, other), HasSubstr("column:source has other values"));
}

} // namespace
} // namespace autosampling
