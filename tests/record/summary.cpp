#include "autosampling/record/summary.hpp"

#include "example_run.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <limits>

namespace autosampling::example {
namespace {

nlohmann::json written(const Summary& summary) {
    const Folder folder;
    write_summary(folder.path() / "summary.json", summary);
    return nlohmann::json::parse(std::ifstream(folder.path() / "summary.json"));
}

TEST(Summary, holds_every_value) {
    const auto json = written({.state = "stopped",
                               .error = "",
                               .cycles = 120,
                               .cycles_planned = 240,
                               .epochs = 3,
                               .members = 4,
                               .reward = "accuracy",
                               .best_reward = 0.1,
                               .test_accuracy = 0.5,
                               .seconds = 12.25,
                               .state_hash = 0xfedcba9876543210,
                               .record = "a \"b\"/run.h5"});
    EXPECT_EQ(json["state"], "stopped");
    EXPECT_EQ(json["cycles"], 120);
    EXPECT_EQ(json["cycles_planned"], 240);
    EXPECT_EQ(json["epochs"], 3);
    EXPECT_EQ(json["members"], 4);
    EXPECT_EQ(json["best_reward"], 0.1);
    EXPECT_EQ(json["test_accuracy"], 0.5);
    EXPECT_EQ(json["seconds"], 12.25);
    EXPECT_EQ(json["state_hash"], "fedcba9876543210");
    EXPECT_EQ(json["record"], "a \"b\"/run.h5");
}

TEST(Summary, says_of_the_last_cycle_which_reward_how_good_and_who_fell) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CycleRow row;
    row.cycle = 7;
    row.reward = {0.2, nan, 0.6, 0.4};
    row.finite = {1, 0, 1, 1};
    row.winner = 2;
    Summary summary;
    summary.reward = "accuracy";
    take_cycle(row, summary);
    const auto json = written(summary);
    EXPECT_EQ(json["cycles"], 8);
    EXPECT_EQ(json["reward"], "accuracy");
    EXPECT_EQ(json["best_reward"], 0.6);
    EXPECT_DOUBLE_EQ(json["average_reward"], 0.4);
    EXPECT_NEAR(json["average_reward_error"], 0.2 / std::sqrt(3), 1e-15); // standard deviation 0.2, of 3
    EXPECT_EQ(json["members_not_finite"], 1);

    row.finite = {0, 0, 1, 0};
    take_cycle(row, summary);
    EXPECT_EQ(summary.average_reward, 0.6);
    EXPECT_TRUE(written(summary)["average_reward_error"].is_null());
}

TEST(Summary, of_a_run_that_failed_keeps_the_rest) {
    const Folder folder;
    const auto path = folder.path() / "summary.json";
    Summary summary;
    summary.cycles = 12;
    write_summary(path, summary);
    write_failure(path, "the disk is \"full\"");
    auto json = nlohmann::json::parse(std::ifstream(path));
    EXPECT_EQ(json["state"], "failed");
    EXPECT_EQ(json["error"], "the disk is \"full\"");
    EXPECT_EQ(json["cycles"], 12);
    write_summary(path, summary);
    json = nlohmann::json::parse(std::ifstream(path));
    EXPECT_TRUE(json["error"].is_null());
}

TEST(Summary, nan_is_null_and_a_foreign_byte_does_not_spoil_it) {
    Summary summary;
    summary.test_accuracy = std::numeric_limits<double>::quiet_NaN();
    summary.record = "\xff";
    const auto json = written(summary);
    EXPECT_TRUE(json["test_accuracy"].is_null());
}

} // namespace
} // namespace autosampling::example
