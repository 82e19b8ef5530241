#include "autosampling/record/run_directory.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/record/checkpoint.hpp"
#include "autosampling/record/summary.hpp"
#include "directory_lock.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <vector>

namespace autosampling {
namespace {

namespace fs = std::filesystem;

// What a run makes. The lock file stays: another job may have it open.
bool is_own(const fs::path& name) {
    static const std::array<fs::path, 7> own{"config.toml", "run.log",    "record",      "checkpoint",
                                             "run.h5",      "history.h5", "summary.json"};
    return DirectoryLock::is_lock(name) ||
           std::find(own.begin(), own.end(), name.extension() == ".tmp" ? name.stem() : name) != own.end();
}

// What a job that was killed had begun to write.
void remove_leftovers(const fs::path& path) {
    std::vector<fs::path> leftovers;
    const auto look_into = [&](const fs::path& folder, const auto& is_ours) {
        if (!fs::is_directory(folder)) return;
        for (const fs::directory_entry& entry : fs::directory_iterator(folder))
            if (entry.path().extension() == ".tmp" && is_ours(entry.path())) leftovers.push_back(entry.path());
    };
    const auto is_record = [](const fs::path& file) { return file.stem().extension() == ".h5"; };
    look_into(path, [](const fs::path& file) { return is_own(file.filename()); });
    const auto look_into_own = [&](const fs::path& folder) { // what a link leads to may be another job's
        if (!fs::is_symlink(folder)) look_into(folder, is_record);
    };
    look_into_own(path / "record");
    if (!fs::is_symlink(path / "checkpoint"))
        for (const auto& [cycle, folder] : list_checkpoints(path)) look_into_own(folder);
    for (const fs::path& file : leftovers) fs::remove(file);
}

// Whether a run directory holds nothing that was recorded: a run that failed at its start.
bool is_bare(const fs::path& path) {
    if (fs::exists(path / "run.h5") || fs::exists(path / "history.h5")) return false;
    if (fs::is_directory(path / "record") && !fs::is_empty(path / "record")) return false;
    const auto checkpoints = list_checkpoints(path);
    return std::none_of(checkpoints.begin(), checkpoints.end(),
                        [](const auto& entry) { return fs::exists(entry.second / "index.h5"); });
}

bool is_run(const fs::path& path) {
    return fs::exists(path / "config.toml") && fs::is_directory(path / "record");
}

void refuse_unfit(const fs::path& path, Opening opening) {
    if (opening == Opening::resume) {
        VALIDATE(fs::exists(path / "config.toml") || fs::is_directory(path / "checkpoint"), ExitCode::checkpoint,
                 "no run was begun in ", path.string(),
                 " (it has no config.toml): give the directory of a run, or begin one there first");
        return;
    }
    if (!fs::exists(path)) {
        VALIDATE(!fs::is_symlink(path), ExitCode::usage, path.string(),
                 " is a link to what isn't there: make its folder, or give another --output");
        return;
    }
    VALIDATE(fs::is_directory(path), ExitCode::usage, path.string(), " is no directory: give another --output");
    bool empty = true, foreign = !fs::exists(path / ".lock"); // a run begins with its lock
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
        const fs::path name = entry.path().filename();
        empty = empty && DirectoryLock::is_lock(name);
        foreign = foreign || !is_own(name);
    }
    foreign = foreign && !fs::is_empty(path);
    VALIDATE(opening != Opening::fresh || empty || (!foreign && is_bare(path)), ExitCode::usage, path.string(),
             " is not empty: use --resume to go on, or give another --output (--overwrite would remove the run)");
    VALIDATE(!foreign || is_run(path), ExitCode::usage, path.string(),
             " is no run directory (it holds other files): give another --output, nothing was removed");
}

// The names of all that a run writes must fit, or it would fail at its first checkpoint.
void refuse_long(const fs::path& path) {
    constexpr std::size_t longest_inside = sizeof "/checkpoint/cycle-0000000000000000000/state-0000000000.h5.tmp";
    for (const fs::path& name : path)
        VALIDATE(name.native().size() <= NAME_MAX, ExitCode::usage, "the run directory's name has ",
                 name.native().size(), " bytes (file systems take ", NAME_MAX, "): give a shorter one");
    VALIDATE(path.native().size() + longest_inside <= PATH_MAX, ExitCode::usage, "the run directory's path has ",
             path.native().size(), " bytes (with the names of its files the system takes ", PATH_MAX - longest_inside,
             "): give a shorter one, or a relative one");
}

bool is_recorded(const std::string& name) {
    static const std::array<std::string, 4> beginnings{"cycles-", "index.h5", "state-", "run.h5"};
    return name.find(".h5") != std::string::npos &&
           std::any_of(beginnings.begin(), beginnings.end(),
                       [&](const std::string& beginning) { return name.starts_with(beginning); });
}

// The recorded files below a folder, and the folders that are empty then.
void remove_recorded(const fs::path& folder) {
    std::vector<fs::path> inside;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) inside.push_back(entry.path());
    for (const fs::path& path : inside) {
        if (fs::is_directory(fs::symlink_status(path)))
            remove_recorded(path);
        else if (is_recorded(path.filename()))
            fs::remove(path);
    }
    if (fs::is_empty(folder)) fs::remove(folder);
}

void remove_own(const fs::path& path) {
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
        const fs::path name = entry.path().filename();
        if (!is_own(name) || DirectoryLock::is_lock(name)) continue;
        if (entry.is_directory() && !entry.is_symlink()) // what a link leads to isn't this run's to remove
            remove_recorded(entry.path());
        else
            fs::remove(entry.path());
    }
}

} // namespace

RunDirectory::RunDirectory(const fs::path& path, Opening opening) : path_(path) {
    refuse_long(path);
    refuse_unfit(path, opening);
    std::error_code error;
    fs::create_directories(path, error);
    VALIDATE(!error, ExitCode::failure, "cannot make the run directory ", path.string(), " (", error.message(),
             "): check the path and its permissions, or give another --output");
    lock_ = std::make_unique<DirectoryLock>(path);
    refuse_unfit(path, opening); // another job may have come first
    if (opening == Opening::overwrite) remove_own(path);
    remove_leftovers(path);
}

RunDirectory::~RunDirectory() = default;

bool RunDirectory::still_ours() const {
    return lock_->still_ours();
}

void RunDirectory::require() const {
    if (still_ours()) return;
    const fs::path place = lock_->place();
    std::error_code unknown;
    std::string what;
    if (place.empty() && lock_->is_removed())
        what = "(while the job ran it was removed, and its record and checkpoints with it): start again";
    else if (place.empty())
        what = "(while the job ran it was moved by another host, or its file system doesn't answer): look where it is, "
               "and go on from the last checkpoint with --resume";
    else if (fs::equivalent(place, path_, unknown))
        what = "(while the job ran its .lock was removed): if nothing else was, go on from the last checkpoint with "
               "--resume";
    else
        what = text("(while the job ran it was moved): its record and checkpoints are in ", place.string(),
                    " now, go on from the last one with --resume --output ", place.string());
    const std::string message = text(path_.string(), " is no longer this job's directory ", what);
    try { // the message itself matters more
        if (!place.empty()) write_failure(place / "summary.json", message);
    } catch (const std::exception&) {
    }
    throw Error(ExitCode::checkpoint, message);
}

const std::string& RunDirectory::warning() const {
    return lock_->warning();
}

} // namespace autosampling
