#include "autosampling/record/summary.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/base/hash.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace autosampling {

double reached_reward(const CycleRow& row) {
    return row.mean_reward ? *row.mean_reward : row.reward[static_cast<std::size_t>(row.winner)];
}

Summary recorded_summary(const RecordExtent& extent) {
    Summary summary;
    summary.cycles = extent.cycles;
    summary.best_reward = summary.test_accuracy = std::numeric_limits<double>::quiet_NaN();
    const auto& segments = extent.segments;
    bool tested = false;
    for (auto path = segments.rbegin(); path != segments.rend() && (!tested || std::isnan(summary.best_reward));
         ++path) {
        const Segment segment = read_segment(*path);
        if (path == segments.rbegin()) summary.state_hash = segment.cycles.back().state_hash;
        // Within a round no mean was made.
        for (auto row = segment.cycles.rbegin(); row != segment.cycles.rend() && std::isnan(summary.best_reward); ++row)
            summary.best_reward = reached_reward(*row);
        if (tested || segment.epochs.empty()) continue;
        tested = true;
        summary.epochs = segment.epochs.back().epoch;
        summary.test_accuracy = segment.epochs.back().test_accuracy;
    }
    return summary;
}

void write_summary(const std::filesystem::path& path, const Summary& summary) {
    using Json = nlohmann::ordered_json;
    const Json json{
        {"filetype", "autosampling summary"},
        {"program_version", build_info().version},
        {"time", utc_now()},
        {"state", summary.state},
        {"cycles", summary.cycles},
        {"cycles_planned", summary.cycles_planned},
        {"epochs", summary.epochs},
        {"members", summary.members},
        {"best_reward", summary.best_reward},
        {"test_accuracy", summary.test_accuracy},
        {"seconds", summary.seconds},
        {"state_hash", hex(summary.state_hash)},
        {"record", summary.record.string()},
    };
    // A path may hold bytes that are no UTF-8.
    write_file(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

} // namespace autosampling
