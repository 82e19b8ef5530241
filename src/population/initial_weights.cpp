#include "autosampling/population/initial_weights.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/record/checkpoint.hpp"
#include "autosampling/record/file_kind.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/isfinite.h>

#include <filesystem>
#include <map>

namespace autosampling {

namespace {

namespace fs = std::filesystem;

bool is_of_optimizer(const std::string& name) {
    return name.starts_with("momentum.") || name.starts_with("optimizer.");
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
    std::string result;
    for (const std::int64_t length : shape) result += (result.empty() ? "" : " × ") + std::to_string(length);
    return result.empty() ? "scalar" : result;
}

// Where the weights of a run's winner are, by its newest checkpoint.
std::string weights_of_run(const fs::path& run) {
    std::vector<std::string> passed_over;
    const auto index = newest_checkpoint(run, passed_over);
    if (!index) return "a state-<number>.h5 of a run's checkpoint";
    const std::int32_t state = index->state_of.at(to_size(index->winner));
    return (checkpoint_folder(run, index->cycle) / text("state-", state, ".h5")).string() + ", its last winner";
}

// Throws Error(usage) where it is no state file, with what it is and what makes one.
void expect_state_file(const fs::path& path) {
    const auto refuse = [&path](const std::string& found, const std::string& suggestion) {
        throw Error(ExitCode::usage,
                    text("model.init = ", path.string(), " is no file of the program's weights (found: ", found,
                         "): give ", suggestion));
    };
    const std::string import = "the FILE that autosampling-analyse import " + path.string() +
                               " --config CONFIG --output FILE makes of PyTorch weights";
    std::error_code unknown; // a name that is too long, a folder that may not be entered
    if (!fs::exists(path, unknown)) refuse("nothing", import + ", or a state-<number>.h5 of a run's checkpoint");
    if (fs::is_directory(path)) refuse("a folder", weights_of_run(path));
    const std::string kind = file_kind(path);
    if (kind.starts_with("autosampling ") && kind != "autosampling state")
        refuse(kind, weights_of_run(path.parent_path()));
    if (kind != "autosampling state") refuse(kind, import);
}

} // namespace

void load_initial_weights(FlatState& state, const ModelOptions& model) {
    expect_state_file(model.init);
    StateFile file = read_state_file(model.init);
    const at::Tensor values = at::from_blob(file.state.data(), {std::ssize(file.state)}, at::kFloat);

    std::map<std::string, const StateTensor*> given;
    for (const StateTensor& tensor : file.layout)
        if (!is_of_optimizer(tensor.name)) given[tensor.name] = &tensor;
    std::string differences;
    const auto differs = [&](const auto&... what) { differences += text("\n  ", what...); };
    const at::NoGradGuard no_grad;
    for (const StateTensor& entry : state.layout()) {
        if (is_of_optimizer(entry.name)) continue;
        const auto found = given.extract(entry.name);
        if (!found) {
            differs(entry.name, " is missing");
        } else if (const StateTensor& tensor = *found.mapped(); tensor.shape != entry.shape) {
            differs(entry.name, " is ", shape_text(tensor.shape), ", not ", shape_text(entry.shape));
        } else {
            view_of(entry, state.buffer()).copy_(view_of(tensor, values));
        }
    }
    for (const auto& [name, tensor] : given) differs(name, " is not in the network");
    VALIDATE(differences.empty(), ExitCode::usage, "the weights in ", model.init, " are of another network than ",
             model.name, ":", differences, "\n  choose the model.name and data set that they were made for");
    VALIDATE(at::isfinite(state.buffer()).all().item<bool>(), ExitCode::usage, "the weights in ", model.init,
             " are not all finite (the training that they come from diverged): take an earlier state");
    for (const StateTensor& entry : state.layout())
        VALIDATE(!entry.name.ends_with(".running_var") || view_of(entry, state.buffer()).ge(0).all().item<bool>(),
                 ExitCode::usage, entry.name, " in ", model.init,
                 " is negative somewhere (no variance is): give the weights that the network was evaluated with");
}

} // namespace autosampling
