#include "autosampling/population/processors.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/comm/message.hpp"
#include "autosampling/training/runtime.hpp"

#include <set>
#include <utility>

namespace autosampling {
namespace {

enum class Jobs { last, earlier, all };

// What these jobs computed with, in words.
std::set<std::string> kinds(const Processors& all, Jobs jobs) {
    std::set<std::string> found;
    for (std::size_t row = 0; row < all.link.size(); ++row)
        if (jobs == Jobs::all || (jobs == Jobs::last) == (all.link[row] == all.link.back()))
            found.insert(text(all.cpu[row], ", ", all.capability[row]));
    return found;
}

std::string listed(const std::set<std::string>& kinds) {
    std::string list;
    for (const std::string& kind : kinds) list += (list.empty() ? "" : "; and ") + kind;
    return list;
}

} // namespace

Processors processors_of(const Communicator& comm, std::int64_t link, Processors before) {
    const std::vector<std::string> cpu = gather_messages(comm, cpu_kind());
    const std::vector<std::string> capability = gather_messages(comm, cpu_capability());
    const BuildInfo build = build_info();
    Processors all = std::move(before);
    for (std::size_t rank = 0; rank < cpu.size(); ++rank) {
        const bool alike = rank > 0 && cpu[rank] == cpu[rank - 1] && capability[rank] == capability[rank - 1];
        if (!alike) {
            all.link.push_back(narrow<std::int32_t>(link));
            all.first_rank.push_back(narrow<std::int32_t>(rank));
            all.ranks.push_back(0);
            all.cpu.push_back(cpu[rank]);
            all.capability.push_back(capability[rank]);
            all.program.push_back(text(build.version, " (", build.git_hash, build.git_dirty ? ", changed" : "", ")"));
        }
        ++all.ranks.back();
    }
    return all;
}

std::vector<std::string> differences(const Processors& all) {
    std::vector<std::string> lines;
    const std::set<std::string> now = kinds(all, Jobs::last), before = kinds(all, Jobs::earlier);
    if (now.size() > 1)
        lines.push_back(text("the ranks compute with ", listed(now),
                             ": results then may depend on the number of ranks (rank invariance is not claimed)"));
    if (before.empty()) return lines;
    if (now != before)
        lines.push_back(text("this job computes with ", listed(now), ", those before it with ", listed(before),
                             ": the last bits of results may be others than without the interruption"));
    std::size_t row = all.link.size();
    while (all.link[row - 1] == all.link.back()) --row; // there is a job before
    if (all.program[row - 1] != all.program.back())
        lines.push_back(text("the run goes on with autosampling ", all.program.back(), ", the job before was done by ",
                             all.program[row - 1]));
    return lines;
}

std::vector<std::string> differences(const Processors& replay, const Processors& replayed) {
    if (replayed.link.empty()) return {}; // recorded before this was
    std::vector<std::string> lines;
    const std::set<std::string> now = kinds(replay, Jobs::last), then = kinds(replayed, Jobs::all);
    if (now != then)
        lines.push_back(text("the replay computes with ", listed(now), ", the run did with ", listed(then),
                             ": it may not be exact"));
    if (replay.program.back() != replayed.program.back())
        lines.push_back(text("the replay is done by autosampling ", replay.program.back(), ", the run was by ",
                             replayed.program.back(), ": it may not be exact"));
    return lines;
}

} // namespace autosampling
