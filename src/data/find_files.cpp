#include "formats.hpp"

#include "autosampling/base/error.hpp"

#include <algorithm>
#include <optional>
#include <system_error>

namespace autosampling::detail {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> regular_files(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
        std::error_code ignored; // a file that has just gone is no regular file
        if (entry->is_regular_file(ignored)) names.push_back(entry->path().filename().string());
    }
    VALIDATE(!error, ExitCode::data, folder.string(), ": cannot be listed (", error.message(),
             "): check data.path and its permissions");
    // The shortest name first: the plain file goes before a packed one, and name.gz before name.gz.part.
    std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
        return a.size() != b.size() ? a.size() < b.size() : a < b;
    });
    return names;
}

std::optional<std::string> choose(const std::vector<std::string>& there, const FileNames& names) {
    for (const auto& name : names) {
        const auto found = std::find_if(there.begin(), there.end(), [&](const std::string& candidate) {
            return candidate == name || candidate.starts_with(name + ".");
        });
        if (found != there.end()) return *found;
    }
    return std::nullopt;
}

std::string hint(const DataOptions& options) {
    return text(": get the files with `jobs/get-data.sh ", options.name, " FOLDER`, or correct data.path");
}

} // namespace

std::vector<fs::path> find_files(const DataOptions& options, const std::vector<std::string>& sub_folders,
                                 const std::vector<FileNames>& wanted) {
    VALIDATE(!options.path.empty(), ExitCode::usage, "data.path is empty (data.name = \"", options.name,
             "\" is read from files): set it to the folder that holds them");
    const fs::path root = options.path;
    std::error_code ignored;
    VALIDATE(fs::is_directory(root, ignored), ExitCode::data, root.string(), ": no such folder (data.path)",
             hint(options));
    std::vector<fs::path> folders{root};
    for (const auto& sub_folder : sub_folders) folders.push_back(root / sub_folder);
    std::string looked_in;
    for (const auto& folder : folders) {
        looked_in += (looked_in.empty() ? "" : ", ") + folder.string();
        if (!fs::is_directory(folder, ignored)) continue;
        const auto there = regular_files(folder);
        std::vector<fs::path> files;
        std::string missing;
        for (const auto& file : wanted) {
            const auto name = choose(there, file);
            if (name) files.push_back(folder / *name);
            if (!name) missing += (missing.empty() ? "" : ", ") + (folder / file.front()).string();
        }
        VALIDATE(files.empty() || missing.empty(), ExitCode::data, missing, ": no such file, plain or compressed (",
                 wanted.size() - files.size(), " of ", wanted.size(), " files of ", options.name, " missing)",
                 hint(options));
        if (missing.empty()) return files;
    }
    throw Error(ExitCode::data, text(root.string(), ": holds no ", wanted.front().front(),
                                     ", plain or compressed (looked in ", looked_in, ")", hint(options)));
}

} // namespace autosampling::detail
