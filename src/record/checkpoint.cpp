#include "autosampling/record/checkpoint.hpp"

#include "autosampling/base/files.hpp"
#include "autosampling/base/hash.hpp"
#include "field_io.hpp"
#include "identity.hpp"

#include <algorithm>
#include <cstdio>
#include <iomanip>
#include <map>
#include <sstream>

namespace autosampling {
namespace {

namespace fs = std::filesystem;

const std::string sampling_group = "sampling";

fs::path state_name(const fs::path& folder, std::int32_t number) {
    return folder / text("state-", number, ".h5");
}

void write_sampling(Hdf5File& file, const NamedArrays& arrays) {
    for (const auto& [name, array] : arrays)
        std::visit(
            [&, &key = name]<class T>(const std::vector<T>& values) {
                const std::uint64_t length = values.size();
                file.write<T>(sampling_group + "/" + key, values, std::span(&length, 1),
                              {"1", "state of sampling: " + key, {}});
            },
            array);
}

template<class... Ts>
void read_array(const Hdf5File& file, const std::string& name, std::variant<std::vector<Ts>...>& array) {
    const bool known = ((file.holds<Ts>(name) && (array = file.read<Ts>(name), true)) || ...);
    VALIDATE(known, ExitCode::checkpoint, name, " in ", file.path().string(),
             " has a type of elements that is unknown here: use the program that wrote it");
}

void check_states(const fs::path& folder, const CheckpointIndex& index) {
    VALIDATE(index.state_files.size() == index.state_hash.size(), ExitCode::checkpoint, folder.string(),
             " is damaged (its index has ", index.state_hash.size(), " hashes for ", index.state_files.size(),
             " states)");
    for (std::size_t i = 0; i < index.state_files.size(); ++i)
        (void)read_state(folder, index.state_files[i], index.state_hash[i]);
}

// Every folder checkpoint/cycle-<number>, the newest first.
std::map<std::int64_t, fs::path, std::greater<>> list_checkpoints(const fs::path& run) {
    std::map<std::int64_t, fs::path, std::greater<>> found;
    if (!fs::exists(run / "checkpoint")) return found;
    for (const fs::directory_entry& entry : fs::directory_iterator(run / "checkpoint")) {
        long long cycle = 0;
        if (std::sscanf(entry.path().filename().c_str(), "cycle-%lld", &cycle) == 1 &&
            checkpoint_folder(run, cycle) == entry.path())
            found[cycle] = entry.path();
    }
    return found;
}

// The index goes first: a folder that is half removed is no checkpoint.
void remove_checkpoint(const fs::path& folder) {
    if (fs::remove(folder / "index.h5")) sync_folder(folder);
    fs::remove_all(folder);
}

} // namespace

fs::path checkpoint_folder(const fs::path& run, std::int64_t cycle) {
    std::ostringstream name;
    name << "cycle-" << std::setfill('0') << std::setw(8) << cycle;
    return run / "checkpoint" / name.str();
}

void write_state(const fs::path& folder, std::int32_t number, std::span<const float> state,
                 std::span<const StateTensor> layout) {
    LayoutColumns columns;
    for (const StateTensor& tensor : layout) {
        EXPECT(tensor.shape.size() <= layout_axes);
        columns.name.push_back(tensor.name);
        columns.offset.push_back(tensor.offset);
        columns.shape.insert(columns.shape.end(), tensor.shape.begin(), tensor.shape.end());
        columns.shape.resize(columns.name.size() * layout_axes, 0);
        columns.channels_last.push_back(tensor.channels_last);
    }
    fs::create_directory(folder.parent_path()); // the run directory itself is there, or was taken away
    fs::create_directory(folder);
    Hdf5File file = Hdf5File::create(state_name(folder, number));
    write_identity(file, "autosampling state");
    const std::uint64_t length = state.size();
    file.write<float>("state", state, std::span(&length, 1),
                      {"1", "state of a member: parameters, momentum, batch-norm statistics", {"element"}});
    write_fields(file, layout_fields(), columns, {{"axis", layout_axes}});
    file.commit();
}

std::vector<float> read_state(const fs::path& folder, std::int32_t number, std::uint64_t hash) {
    const Hdf5File file = open_identified(state_name(folder, number), "autosampling state");
    std::vector<float> state = file.read<float>("state");
    VALIDATE(hash_of(std::span<const float>(state)) == hash, ExitCode::checkpoint, file.path().string(),
             " is damaged or of another cycle (its hash is not ", hex(hash), ")");
    return state;
}

StateFile read_state_file(const fs::path& path) {
    const Hdf5File file = open_identified(path, "autosampling state");
    StateFile result;
    result.state = file.read<float>("state");
    LayoutColumns columns;
    read_fields(file, layout_fields(), columns);
    const std::size_t tensors = columns.name.size();
    const auto refuse_unless = [&path](bool good, const std::string& what) {
        VALIDATE(good, ExitCode::checkpoint, path.string(), " has a layout that can't be (", what,
                 "): write it again with the program that made it");
    };
    refuse_unless(columns.offset.size() == tensors && columns.channels_last.size() == tensors &&
                      columns.shape.size() == tensors * layout_axes,
                  "its columns differ in length");
    for (std::size_t k = 0; k < tensors; ++k) {
        const auto first = columns.shape.begin() + static_cast<std::ptrdiff_t>(k * layout_axes);
        StateTensor tensor{columns.name[k],
                           {first, std::find(first, first + layout_axes, 0)},
                           columns.offset[k],
                           columns.channels_last[k] != 0};
        // Divided, not multiplied: no product can overflow.
        std::int64_t room = std::ssize(result.state) - tensor.offset;
        for (const std::int64_t length : tensor.shape) room = length > 0 ? room / length : 0;
        refuse_unless(tensor.offset >= 0 && room >= 1, tensor.name + " lies outside the state");
        refuse_unless(!tensor.channels_last || tensor.shape.size() == layout_axes,
                      tensor.name + " has no channels to be last");
        result.layout.push_back(std::move(tensor));
    }
    return result;
}

void write_index(const fs::path& run, const CheckpointIndex& index, std::int64_t keep) {
    EXPECT(keep >= 1);
    const fs::path folder = checkpoint_folder(run, index.cycle);
    Hdf5File file = Hdf5File::create(folder / "index.h5");
    write_identity(file, "autosampling checkpoint", index.header, index.launch);
    write_attributes(file, checkpoint_attributes(), index);
    write_fields(file, checkpoint_fields(), index);
    write_sampling(file, index.sampling);
    file.commit();
    sync_folder(folder.parent_path());
    sync_folder(run);
    std::int64_t kept = 1;
    for (const auto& [cycle, path] : list_checkpoints(run)) {
        if (cycle >= index.cycle) continue; // a later one may be under way
        if (kept < keep && fs::exists(path / "index.h5")) {
            ++kept;
        } else {
            remove_checkpoint(path);
        }
    }
}

CheckpointIndex read_index(const fs::path& folder) {
    const fs::path path = folder / "index.h5";
    VALIDATE(fs::exists(path), ExitCode::checkpoint, folder.string(), " has no index.h5 (it was never finished)");
    const Hdf5File file = open_identified(path, "autosampling checkpoint");
    CheckpointIndex index;
    read_attributes(file, checkpoint_attributes(), index);
    read_fields(file, checkpoint_fields(), index);
    index.header = read_header(file);
    index.launch = read_launch(file);
    for (const std::string& name : file.names(sampling_group))
        read_array(file, sampling_group + "/" + name, index.sampling[name]);
    return index;
}

std::optional<CheckpointIndex> newest_checkpoint(const fs::path& run, std::vector<std::string>& passed_over) {
    for (const auto& [cycle, folder] : list_checkpoints(run)) {
        try {
            CheckpointIndex index = read_index(folder);
            check_states(folder, index);
            return index;
        } catch (const std::exception& error) {
            passed_over.emplace_back(error.what());
        }
    }
    return std::nullopt;
}

} // namespace autosampling
