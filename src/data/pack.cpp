#include "autosampling/data/pack.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/counted.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/base/hash.hpp"
#include "image_tree.hpp"
#include "pack_writer.hpp"
#include "packed_file.hpp"
#include "picture.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <thread>
#include <utility>

namespace autosampling {

using namespace detail;

namespace {

namespace fs = std::filesystem;
using Say = std::function<void(const std::string&)>;

// Gives the images their places in the file, one after the other, whatever the threads.
class Places {
  public:
    // Waits until all images before this one have their places.
    std::uint64_t take(std::size_t image, std::uint64_t bytes) {
        std::unique_lock lock(mutex_);
        turn_.wait(lock, [&] { return next_ == image || given_up_; });
        if (given_up_) throw Error(ExitCode::failure, "packing was given up");
        ++next_;
        turn_.notify_all();
        return std::exchange(end_, end_ + bytes);
    }
    void give_up() {
        const std::lock_guard lock(mutex_);
        given_up_ = true;
        turn_.notify_all();
    }
    std::uint64_t end() const { return end_; }

  private:
    std::mutex mutex_;
    std::condition_variable turn_;
    std::size_t next_ = 0;
    std::uint64_t end_ = 0;
    bool given_up_ = false;
};

std::vector<std::uint8_t> read_whole(const fs::path& path, std::uint64_t bytes) {
    std::vector<std::uint8_t> content(bytes);
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(bytes));
    if (!file) throw std::runtime_error("cannot be read");
    return content;
}

// Says the progress every few seconds. Any thread.
class PackProgress {
  public:
    PackProgress(std::size_t images, const Say& say) : images_(images), say_(say) {}
    void add(std::uint64_t bytes) {
        const std::lock_guard lock(mutex_);
        ++done_;
        bytes_ += bytes;
        const auto now = std::chrono::steady_clock::now();
        if (now - last_ < std::chrono::seconds(5) && done_ < images_) return;
        last_ = now;
        const double seconds = std::chrono::duration<double>(now - start_).count();
        say_(text(done_, " of ", images_, " images, ", bytes_ / 1'000'000, " MB, ",
                  static_cast<std::uint64_t>(static_cast<double>(done_) / seconds), " images/s"));
    }

  private:
    std::size_t images_;
    const Say& say_;
    std::mutex mutex_;
    std::size_t done_ = 0;
    std::uint64_t bytes_ = 0;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now(), last_ = start_;
};

// What goes into the file of an image file that can be decoded. Throws std::runtime_error with the cause.
std::vector<std::uint8_t> packed_form(std::vector<std::uint8_t> file, const PackOptions& options) {
    if (!options.raw && options.short_side == 0) {
        decode_picture(file, 1); // all of it is read, though few pixels are made
        return file;
    }
    Picture picture = decode_picture(file);
    const bool resized = options.short_side > 0 && std::min(picture.height, picture.width) > options.short_side;
    if (resized)
        picture = resize(picture, {0, 0, picture.height, picture.width},
                         with_shorter_side({picture.height, picture.width}, options.short_side));
    if (options.raw) return encode_ppm(picture);
    return resized ? encode_jpeg(picture) : file;
}

// Packs the images, one after the other, with a few threads.
class Packing {
  public:
    // `training`: so many of the tree's images are of the first tree.
    Packing(const PackOptions& options, const ImageTree& tree, std::size_t training, const PackWriter& writer,
            const Say& say, const std::function<bool()>& is_stopped)
        : options_(options), tree_(tree), training_(training), writer_(writer), is_stopped_(is_stopped),
          progress_(tree.files.size(), say), images_(tree.files.size()), problems_(tree.files.size()) {}

    void run() {
        {
            std::vector<std::jthread> others;
            const int threads =
                options_.threads > 0 ? options_.threads : static_cast<int>(std::thread::hardware_concurrency());
            for (int t = 1; t < threads; ++t) others.emplace_back([this] { work(); });
            work();
        }
        if (failure_) std::rethrow_exception(failure_);
    }

    std::uint64_t bytes() const { return places_.end(); }
    const std::vector<PackedImage>& images() const { return images_; }
    // What is wrong with each image; empty: it is in the file.
    const std::vector<std::string>& problems() const { return problems_; }

  private:
    void work() {
        try {
            for (std::size_t i = next_++; i < images_.size(); i = next_++) pack(i);
        } catch (...) { // the file can't be written, or it was stopped
            const std::lock_guard lock(failing_);
            if (!failure_) failure_ = std::current_exception();
            places_.give_up();
        }
    }
    void pack(std::size_t i) {
        VALIDATE(!is_stopped_ || !is_stopped_(), ExitCode::failure,
                 "stopped by a signal (the file isn't whole, and was removed): start again");
        const ImageFile& file = tree_.files[i];
        const auto path = (i < training_ ? options_.tree : options_.test_tree) / file.path;
        std::vector<std::uint8_t> form;
        try {
            form = packed_form(read_whole(path, file.bytes), options_);
        } catch (const std::runtime_error& error) {
            problems_[i] = text(path.string(), ": ", error.what());
        }
        images_[i] = {places_.take(i, form.size()), form.size(), hash_of(std::span<const std::uint8_t>(form))};
        writer_.write_bytes(images_[i].begin, form);
        progress_.add(file.bytes);
    }

    const PackOptions& options_;
    const ImageTree& tree_;
    std::size_t training_;
    const PackWriter& writer_;
    const std::function<bool()>& is_stopped_;
    PackProgress progress_;
    Places places_;
    std::atomic<std::size_t> next_ = 0;
    std::exception_ptr failure_;
    std::mutex failing_;
    std::vector<PackedImage> images_;
    std::vector<std::string> problems_;
};

// All that was wrong: an error, unless it is to be left out. Returns the number of images left out.
std::int64_t report_unreadable(const std::vector<std::string>& all, const PackOptions& options, const Say& say) {
    std::vector<std::string> problems;
    std::ranges::copy_if(all, std::back_inserter(problems), [](const auto& words) { return !words.empty(); });
    if (problems.empty() || options.skip_unreadable) {
        for (const std::string& words : problems) say("left out " + words);
        return std::ssize(problems);
    }
    constexpr std::size_t most = 20;
    std::string list;
    for (std::size_t i = 0; i < std::min(most, problems.size()); ++i) list += "\n  " + problems[i];
    if (problems.size() > most) list += text("\n  and ", problems.size() - most, " more");
    throw Error(ExitCode::data, text(counted(problems.size(), "image"), " can't be read:", list,
                                     "\nmend or remove them, or leave them out with --skip-unreadable"));
}

// What the file says of its images. Returns their number.
std::size_t write_index(PackWriter& writer, const PackOptions& options, const ImageTree& tree, std::size_t training,
                        const Packing& packing) {
    std::vector<std::uint64_t> begin, length, hash;
    std::vector<std::int32_t> label;
    std::vector<std::string> names;
    std::int64_t kept_training = 0;
    for (std::size_t i = 0; i < tree.files.size(); ++i) {
        if (!packing.problems()[i].empty()) continue;
        const PackedImage& image = packing.images()[i];
        begin.push_back(image.begin);
        length.push_back(image.length);
        hash.push_back(image.hash);
        label.push_back(tree.files[i].label);
        names.push_back(tree.files[i].path.string());
        kept_training += i < training;
    }
    for (std::size_t c = 0; c < tree.classes.size(); ++c) {
        const auto found = std::find(label.begin(), label.begin() + kept_training, static_cast<std::int32_t>(c));
        VALIDATE(found != label.begin() + kept_training, ExitCode::data, (options.tree / tree.classes[c]).string(),
                 ": a class without a readable image: remove the folder, or put some there");
    }
    writer.begin_index(packing.bytes());
    writer.write("begin", H5T_NATIVE_UINT64, begin);
    writer.write("length", H5T_NATIVE_UINT64, length);
    writer.write("hash", H5T_NATIVE_UINT64, hash);
    writer.write("label", H5T_NATIVE_INT32, label);
    writer.write("file_name", names);
    writer.write("class_name", tree.classes);
    writer.write("training_images", H5T_NATIVE_INT64, std::vector{kept_training});
    return label.size();
}

// What is there already must be a packed file, which the new one takes the place of.
void check_target(const PackOptions& options) {
    std::error_code error;
    const std::string name = options.file.string();
    if (fs::exists(options.file, error)) {
        VALIDATE(fs::is_regular_file(options.file, error), ExitCode::usage, name,
                 ": is no file but a folder or a device: give another name");
        VALIDATE(has_seal(options.file), ExitCode::usage, name,
                 ": is there already and is no packed file (it would be lost): give another name, or remove it");
    }
    const fs::path folder = fs::absolute(options.file).parent_path();
    for (const fs::path& tree : {options.tree, options.test_tree})
        VALIDATE(tree.empty() || fs::equivalent(folder, tree, error) || !is_within(folder, tree), ExitCode::usage, name,
                 ": is in a class's folder (it would be taken for an image): give another name");
}

} // namespace

PackResult pack_images(const PackOptions& options, const Say& say, const std::function<bool()>& is_stopped) {
    check_target(options);
    ImageTree tree = list_images(options.tree, {}, say);
    const std::size_t training = tree.files.size();
    if (!options.test_tree.empty()) {
        ImageTree test = list_images(options.test_tree, tree.classes, say);
        std::ranges::move(test.files, std::back_inserter(tree.files));
    }
    PackWriter writer(options.file);
    Packing packing(options, tree, training, writer, say, is_stopped);
    packing.run();
    const std::int64_t skipped = report_unreadable(packing.problems(), options, say);
    const std::size_t images = write_index(writer, options, tree, training, packing);
    writer.write("skipped_images", H5T_NATIVE_INT64, std::vector{skipped});
    writer.write("short_side", H5T_NATIVE_INT64, std::vector{std::int64_t{options.short_side}});
    writer.write_attribute("filetype", "autosampling packed images");
    writer.write_attribute("format_version", "1");
    writer.write_attribute("program_version", build_info().version);
    writer.commit();
    return {images, static_cast<std::uint64_t>(skipped), packing.bytes(), tree.classes.size()};
}

} // namespace autosampling
