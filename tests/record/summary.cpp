#include "autosampling/record/summary.hpp"

#include "example_run.hpp"

#include <nlohmann/json.hpp>

namespace autosampling::example {
namespace {

nlohmann::json written(const Summary& summary) {
    const Folder folder;
    write_summary(folder.path() / "summary.json", summary);
    return nlohmann::json::parse(std::ifstream(folder.path() / "summary.json"));
}

TEST(Summary, holds_every_value) {
    const auto json = written({.state = "stopped",
                               .cycles = 120,
                               .cycles_planned = 240,
                               .epochs = 3,
                               .members = 4,
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

TEST(Summary, nan_is_null_and_a_foreign_byte_does_not_spoil_it) {
    const auto json =
        written({.state = "running", .test_accuracy = std::numeric_limits<double>::quiet_NaN(), .record = "\xff"});
    EXPECT_TRUE(json["test_accuracy"].is_null());
}

} // namespace
} // namespace autosampling::example
