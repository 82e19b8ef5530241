#include "autosampling/record/summary.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/base/hash.hpp"

#include <nlohmann/json.hpp>

namespace autosampling {

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
