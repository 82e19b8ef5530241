#include "autosampling/record/summary.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/base/hash.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace autosampling {
namespace {

using Json = nlohmann::ordered_json;

void write_json(const std::filesystem::path& path, const Json& json) {
    // A path may hold bytes that are no UTF-8.
    write_file(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

} // namespace

double reached_reward(const CycleRow& row) {
    if (row.mean_reward) return *row.mean_reward;
    return row.winner < 0 ? std::numeric_limits<double>::quiet_NaN() : row.reward[static_cast<std::size_t>(row.winner)];
}

void take_cycle(const CycleRow& row, Summary& summary) {
    double sum = 0, squares = 0;
    const auto finite = static_cast<double>(std::count(row.finite.begin(), row.finite.end(), 1));
    for (std::size_t member = 0; member < row.reward.size(); ++member)
        if (row.finite[member]) sum += row.reward[member];
    const double mean = sum / finite;
    for (std::size_t member = 0; member < row.reward.size(); ++member)
        if (row.finite[member]) squares += (row.reward[member] - mean) * (row.reward[member] - mean);
    summary.cycles = row.cycle + 1;
    if (const double reached = reached_reward(row); !std::isnan(reached)) summary.best_reward = reached;
    summary.average_reward = mean;
    summary.average_reward_error = std::sqrt(squares / (finite * (finite - 1)));
    summary.members_not_finite = std::ssize(row.finite) - static_cast<std::int64_t>(finite);
    summary.state_hash = row.state_hash;
}

Summary recorded_summary(const RecordExtent& extent) {
    Summary summary;
    summary.cycles = extent.cycles;
    summary.best_reward = summary.average_reward = summary.average_reward_error = summary.test_accuracy =
        summary.test_loss = std::numeric_limits<double>::quiet_NaN();
    const auto& segments = extent.segments;
    bool tested = false;
    for (auto path = segments.rbegin(); path != segments.rend() && (!tested || std::isnan(summary.best_reward));
         ++path) {
        const Segment segment = read_segment(*path);
        if (path == segments.rbegin()) take_cycle(segment.cycles.back(), summary);
        // Within a round no mean was made.
        for (auto row = segment.cycles.rbegin(); row != segment.cycles.rend() && std::isnan(summary.best_reward); ++row)
            summary.best_reward = reached_reward(*row);
        if (tested || segment.epochs.empty()) continue;
        tested = true;
        summary.epochs = segment.epochs.back().epoch;
        summary.test_accuracy = segment.epochs.back().test_accuracy;
        summary.test_loss = segment.epochs.back().test_loss;
    }
    return summary;
}

void write_summary(const std::filesystem::path& path, const Summary& summary) {
    const Json json{
        {"filetype", "autosampling summary"},
        {"program_version", build_info().version},
        {"time", utc_now()},
        {"heartbeat_seconds", summary_heartbeat.count()},
        {"state", summary.state},
        {"error", summary.error.empty() ? Json() : Json(summary.error)},
        {"cycles", summary.cycles},
        {"cycles_planned", summary.cycles_planned},
        {"link", summary.link},
        {"epochs", summary.epochs},
        {"members", summary.members},
        {"reward", summary.reward},
        {"best_reward", summary.best_reward},
        {"average_reward", summary.average_reward},
        {"average_reward_error", summary.average_reward_error},
        {"members_not_finite", summary.members_not_finite},
        {"test_accuracy", summary.test_accuracy},
        {"test_loss", summary.test_loss},
        {"seconds", summary.seconds},
        {"state_hash", hex(summary.state_hash)},
        {"record", summary.record.string()},
    };
    write_json(path, json);
}

Summary read_summary(const std::filesystem::path& path) {
    if (!std::filesystem::is_regular_file(path)) return {};
    try {
        const Json json = Json::parse(read_file(path));
        return {.state = json.at("state").get<std::string>(), .cycles = json.at("cycles").get<std::int64_t>()};
    } catch (const std::exception&) {
        return {};
    }
}

std::string result_line(const std::filesystem::path& path) {
    const Json json = Json::parse(read_file(path));
    std::string line = "RESULT";
    for (const char* key : {"state", "cycles", "cycles_planned", "link", "best_reward", "test_accuracy", "test_loss",
                            "seconds", "state_hash"}) {
        const Json& value = json.at(key);
        line += text(" ", key, "=", value.is_string() ? value.get<std::string>() : value.dump());
    }
    return line;
}

void write_failure(const std::filesystem::path& path, const std::string& error) {
    Json json = Json::parse(read_file(path));
    json["time"] = utc_now();
    json["state"] = "failed";
    json["error"] = error;
    write_json(path, json);
}

} // namespace autosampling
