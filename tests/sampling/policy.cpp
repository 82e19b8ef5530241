// A policy before anything is learned.
#include "autosampling/sampling/policy.hpp"

#include "autosampling/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace autosampling {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// 40, 15 and 5 examples of three classes, a column of two words.
Policy make_policy(const std::vector<std::string>& weights) {
    std::vector<std::int32_t> label;
    Column column{"source", {"x", "y=z"}, {}};
    for (int x = 0; x < 60; ++x) {
        label.push_back(x < 40 ? 0 : x < 55 ? 1 : 2);
        column.value.push_back(x % 2);
    }
    ExplorationOptions options;
    options.signals = {"class", "column:source"};
    options.weights = weights;
    return {options, 1, 2, Signals(options.signals, label, 3, std::vector<Column>{column})};
}

TEST(Policy, begins_with_the_weights_that_are_given_by_name) {
    EXPECT_THAT(make_policy({}).search().weight(), ElementsAre(0, 0, 0, 0));
    EXPECT_THAT(make_policy({"column:source=y=z=-2.5", "class.size=4"}).search().weight(), ElementsAre(4, 0, 0, -2.5));
}

TEST(Policy, with_minus_1_for_their_size_draws_all_classes_alike) {
    const std::vector<double> p = make_policy({"class.size=-1"}).probability();
    for (const auto& [first, last] : {std::pair{0, 40}, {40, 55}, {55, 60}})
        EXPECT_NEAR(std::accumulate(p.begin() + first, p.begin() + last, 0.0), 1.0 / 3, 1e-3);
}

TEST(Policy, weights_that_are_none_are_refused_by_name) {
    const auto refusal = [](const std::string& weight) {
        try {
            make_policy({weight});
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::usage);
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_THAT(refusal("class.sice=1"),
                HasSubstr("exploration.weights has \"class.sice=1\" (the weights are class.size, class.loss, "));
    EXPECT_THROW(make_policy({"class.size=1", "class.size=-1"}), Error);
    for (const char* unreadable : {"class.size", "class.size=", "class.size=1x", "class.size=nan", "class.size=4.1"})
        EXPECT_THAT(refusal(unreadable), HasSubstr(std::string("exploration.weights has \"") + unreadable));
}

} // namespace
} // namespace autosampling
