#include "autosampling/record/checkpoint.hpp"

#include "autosampling/base/counted.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/base/hash.hpp"
#include "autosampling/base/narrow.hpp"
#include "contents.hpp"
#include "field_io.hpp"
#include "identity.hpp"

#include <algorithm>
#include <cstdio>
#include <iomanip>
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

// What the index says of itself must fit together.
void check_index(const fs::path& folder, const CheckpointIndex& index) {
    const auto expect = [&folder](bool good, const std::string& what) {
        if (!good) throw Damaged(folder.string() + " is damaged (" + what + ")");
    };
    expect(checkpoint_folder("", index.cycle).filename() == folder.filename(),
           text("its index is that of cycle ", index.cycle, ": it was copied or renamed"));
    const auto& files = index.state_files;
    expect(files.size() == index.state_hash.size(),
           text("its index has ", index.state_hash.size(), " hashes for ", files.size(), " states"));
    expect(std::ssize(index.state_of) == index.header.members,
           text("its index has states of ", counted(index.state_of.size(), "member"), ", not ", index.header.members));
    expect(index.winner >= 0 && index.winner < index.header.members,
           text("its winner is member ", index.winner, " of ", index.header.members));
    for (const std::int32_t number : index.state_of)
        expect(std::count(files.begin(), files.end(), number) == 1, text("it has no state ", number));
}

void check_hash(const fs::path& path, std::span<const float> state, std::uint64_t hash) {
    if (hash_of(state) != hash)
        throw Damaged(text(path.string(), " is damaged or of another cycle (its hash is not ", hex(hash), ")"));
}

// Whether the program made this checkpoint for this cycle: what it can't tell it leaves alone.
bool is_own(const fs::path& folder, std::int64_t cycle) {
    try {
        return open_identified(folder / "index.h5", "autosampling checkpoint").attribute<std::int64_t>("cycle") ==
               cycle;
    } catch (const Error&) {
        return false;
    }
}

bool is_own_file(const fs::path& path) {
    const fs::path name = path.extension() == ".tmp" ? path.stem() : path.filename();
    int number = 0;
    return name == "index.h5" ||
           (std::sscanf(name.c_str(), "state-%d.h5", &number) == 1 && name == state_name("", number));
}

} // namespace

std::map<std::int64_t, fs::path, std::greater<>> list_checkpoints(const fs::path& run) {
    std::map<std::int64_t, fs::path, std::greater<>> found;
    if (!fs::is_directory(run / "checkpoint")) return found;
    for (const fs::directory_entry& entry : fs::directory_iterator(run / "checkpoint")) {
        long long cycle = 0;
        if (std::sscanf(entry.path().filename().c_str(), "cycle-%lld", &cycle) == 1 &&
            checkpoint_folder(run, cycle) == entry.path())
            found[cycle] = entry.path();
    }
    return found;
}

void remove_checkpoint(const fs::path& folder) {
    if (fs::is_symlink(folder)) fs::remove(folder); // what it leads to isn't this run's to remove
    if (!fs::is_directory(folder)) return;
    if (fs::remove(folder / "index.h5")) sync_folder(folder); // first: what is half removed is no checkpoint
    std::vector<fs::path> own;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
        if (is_own_file(entry.path())) own.push_back(entry.path());
    for (const fs::path& path : own) fs::remove(path);
    if (fs::is_empty(folder)) fs::remove(folder);
}

std::vector<StateTensor> check_states(const fs::path& folder, const CheckpointIndex& index) {
    std::vector<StateTensor> layout;
    for (std::size_t i = 0; i < index.state_files.size(); ++i) {
        const fs::path path = state_name(folder, index.state_files[i]);
        StateFile file = read_state_file(path);
        check_hash(path, file.state, index.state_hash[i]);
        if (i > 0 && file.layout != layout)
            throw Damaged(path.string() + " has other tensors than the states beside it");
        layout = std::move(file.layout);
    }
    return layout;
}

std::uint64_t CheckpointIndex::winner_hash() const {
    const auto found = std::ranges::find(state_files, winner);
    return state_hash.at(to_size(found - state_files.begin()));
}

fs::path checkpoint_folder(const fs::path& run, std::int64_t cycle) {
    std::ostringstream name;
    name << "cycle-" << std::setfill('0') << std::setw(8) << cycle;
    return run / "checkpoint" / name.str();
}

void write_state(const fs::path& folder, std::int32_t number, std::span<const float> state,
                 std::span<const StateTensor> layout) {
    fs::create_directory(folder.parent_path()); // the run directory itself is there, or was taken away
    fs::create_directory(folder);
    Hdf5File file = Hdf5File::create(state_name(folder, number));
    fill_state(file, state, layout);
    file.commit();
}

void fill_state(Hdf5File& file, std::span<const float> state, std::span<const StateTensor> layout) {
    LayoutColumns columns;
    for (const StateTensor& tensor : layout) {
        EXPECT(tensor.shape.size() <= layout_axes);
        columns.name.push_back(tensor.name);
        columns.offset.push_back(tensor.offset);
        columns.shape.insert(columns.shape.end(), tensor.shape.begin(), tensor.shape.end());
        columns.shape.resize(columns.name.size() * layout_axes, 0);
        columns.channels_last.push_back(tensor.channels_last);
    }
    write_identity(file, "autosampling state");
    const std::uint64_t length = state.size();
    file.write<float>("state", state, std::span(&length, 1),
                      {"1", "state of a member: parameters, momentum, batch-norm statistics", {"element"}});
    write_fields(file, layout_fields(), columns, {{"axis", layout_axes}});
}

std::vector<float> read_state(const fs::path& folder, std::int32_t number, std::uint64_t hash) {
    const Hdf5File file = open_identified(state_name(folder, number), "autosampling state");
    std::vector<float> state = file.read<float>("state");
    check_hash(file.path(), state, hash);
    return state;
}

StateFile read_state_file(const fs::path& path) {
    const Hdf5File file = open_identified(path, "autosampling state");
    StateFile result;
    result.state = file.read<float>("state");
    LayoutColumns columns;
    read_fields(file, layout_fields(), columns, {{"axis", layout_axes}});
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

std::int64_t write_index(const fs::path& run, const CheckpointIndex& index, std::int64_t keep) {
    EXPECT(keep >= 1);
    const fs::path folder = checkpoint_folder(run, index.cycle);
    Hdf5File file = Hdf5File::create(folder / "index.h5");
    fill_index(file, index);
    file.commit();
    sync_folder(folder.parent_path());
    sync_folder(run);
    std::int64_t kept = 1, oldest = index.cycle;
    for (const auto& [cycle, path] : list_checkpoints(run)) {
        if (cycle >= index.cycle) continue; // a later one may be under way
        const bool unfinished = !fs::exists(path / "index.h5");
        if (!unfinished && !is_own(path, cycle)) continue;
        if (!unfinished && kept < keep) {
            ++kept;
            oldest = cycle;
        } else {
            remove_checkpoint(path);
        }
    }
    return oldest;
}

void fill_index(Hdf5File& file, const CheckpointIndex& index) {
    write_identity(file, "autosampling checkpoint", index.header, index.launch);
    write_attributes(file, checkpoint_attributes(), index);
    write_fields(file, checkpoint_fields(), index);
    write_sampling(file, index.sampling);
}

CheckpointIndex read_index(const fs::path& folder) {
    const fs::path path = folder / "index.h5";
    VALIDATE(fs::is_directory(folder), ExitCode::checkpoint, folder.string(), " is no folder");
    VALIDATE(fs::exists(path), ExitCode::checkpoint, folder.string(), " has no index.h5 (it was never finished)");
    const Hdf5File file = open_identified(path, "autosampling checkpoint");
    CheckpointIndex index;
    read_attributes(file, checkpoint_attributes(), index);
    index.header = read_header(file);
    read_fields(file, checkpoint_fields(), index, sizes_of(index.header));
    index.launch = read_launch(file);
    for (const std::string& name : file.names(sampling_group))
        read_array(file, sampling_group + "/" + name, index.sampling[name]);
    check_index(folder, index);
    return index;
}

std::optional<CheckpointIndex> newest_checkpoint(const fs::path& run, std::vector<std::string>& passed_over) {
    for (const auto& [cycle, folder] : list_checkpoints(run)) {
        try {
            CheckpointIndex index = read_index(folder);
            (void)check_states(folder, index);
            return index;
        } catch (const std::exception& error) {
            passed_over.emplace_back(error.what());
        }
    }
    return std::nullopt;
}

} // namespace autosampling
