#include "squash/table_writer.hpp"

#include "squash/output.hpp"

#include <algorithm>
#include <cstring>
#include <sqfs/dir_writer.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/meta_writer.h>
#include <sqfs/xattr_writer.h>
#include <string>
#include <unordered_map>
#include <vector>

namespace shifter::squash {
namespace {

using layers::Inode;
using layers::InodeIndex;
using layers::Node;
using layers::NodeIndex;
using layers::Tree;
using State = layers::Inode::State;

constexpr std::uint32_t no_xattrs = 0xffffffff;

class TableWriter {
public:
    TableWriter(Output & output, const Tree & tree, const DataWriter & data, std::uint32_t created)
        : output_{output}, tree_{tree}, data_{data}, created_{created},
          inodes_{owned(sqfs_meta_writer_create(output.file.sqfs(), output.compressor.get(), 0))},
          directories_{owned(
              sqfs_meta_writer_create(output.file.sqfs(), output.compressor.get(), SQFS_META_WRITER_KEEP_IN_MEMORY))},
          directory_{owned(sqfs_dir_writer_create(directories_.get(), 0))}, ids_{owned(sqfs_id_table_create(0))},
          xattrs_{owned(sqfs_xattr_writer_create(0))}, xattr_numbers_(tree.xattrs().size(), no_xattrs) {}

    std::uint64_t write() {
        sqfs_super_t & super = output_.super;
        super.inode_table_start = output_.file.size_bytes();
        const Written root = write_directory(Tree::root, next_number_++, 1);
        super.root_inode_ref = root.reference;
        super.inode_count = next_number_ - 1;
        check(sqfs_meta_writer_flush(inodes_.get()), "write the inodes");
        super.directory_table_start = output_.file.size_bytes();
        check(sqfs_meta_writer_flush(directories_.get()), "write the directories");
        check(sqfs_meta_write_write_to_file(directories_.get()), "write the directories");
        check(sqfs_frag_table_write(output_.fragments.get(), output_.file.sqfs(), &super, output_.compressor.get()),
              "write the fragment table");
        check(sqfs_id_table_write(ids_.get(), output_.file.sqfs(), &super, output_.compressor.get()),
              "write the owners");
        check(sqfs_xattr_writer_flush(xattrs_.get(), output_.file.sqfs(), &super, output_.compressor.get()),
              "write the extended attributes");
        super.bytes_used = output_.file.size_bytes();
        check(sqfs_super_write(&super, output_.file.sqfs()), "write the superblock");
        return paths_;
    }

private:
    struct Written {
        sqfs_u64 reference = 0;
        std::uint32_t number = 0;
    };
    struct Child {
        NodeIndex node;
        InodeIndex inode; ///< resolved
        std::uint32_t number;
        sqfs_u64 reference;
    };

    void check(int status, const char * what) const { output_.file.check(status, what); }

    [[nodiscard]] std::vector<Child> children_of(NodeIndex directory) const {
        std::vector<Child> children;
        for (NodeIndex index = tree_.node(directory).first_child; index != layers::none;
             index = tree_.node(index).next_sibling) {
            const Node & node = tree_.node(index);
            if (node.kind == Node::Kind::directory) {
                children.push_back({index, node.inode, 0, 0});
            } else if (node.kind == Node::Kind::leaf) {
                const InodeIndex inode = tree_.resolve(node.inode);
                if (tree_.inode(inode).state != State::dropped) children.push_back({index, inode, 0, 0});
            }
        }
        // The kernel looks names up in this order: as unsigned bytes.
        std::sort(children.begin(), children.end(),
                  [&](const Child & a, const Child & b) { return tree_.name(a.node) < tree_.name(b.node); });
        return children;
    }

    /** Children get numbers in a row, so that their entries share one header; inodes are written from the leaves up. */
    Written write_directory(NodeIndex index, std::uint32_t number, std::uint32_t parent_number) {
        ++paths_;
        std::vector<Child> children = children_of(index);
        for (Child & child : children) {
            if (tree_.node(child.node).kind == Node::Kind::leaf && tree_.inode(child.inode).links > 1) {
                const auto [linked, is_new] = linked_.try_emplace(child.inode, Written{0, next_number_});
                if (is_new) ++next_number_;
                child.number = linked->second.number;
            } else {
                child.number = next_number_++;
            }
        }
        std::size_t subdirectories = 0;
        for (Child & child : children) {
            if (tree_.node(child.node).kind != Node::Kind::directory) continue;
            child.reference = write_directory(child.node, child.number, number).reference;
            ++subdirectories;
        }
        for (Child & child : children) {
            if (tree_.node(child.node).kind == Node::Kind::directory) continue;
            ++paths_;
            child.reference = write_leaf(child);
        }
        check(sqfs_dir_writer_begin(directory_.get(), 0), "write a directory");
        for (const Child & child : children) add_entry(child);
        check(sqfs_dir_writer_end(directory_.get()), "write a directory");
        return {write_directory_inode(tree_.node(index).inode, number, parent_number, subdirectories), number};
    }

    void add_entry(const Child & child) {
        std::uint16_t type = SQFS_INODE_MODE_DIR;
        if (tree_.node(child.node).kind == Node::Kind::leaf) type = type_of(tree_.inode(child.inode).state);
        name_ = tree_.name(child.node); // libsquashfs wants it with a NUL at its end
        check(sqfs_dir_writer_add_entry(directory_.get(), name_.c_str(), child.number, child.reference, type),
              "write a directory");
    }

    static std::uint16_t type_of(State state) {
        switch (state) {
        case State::symlink:
            return SQFS_INODE_MODE_LNK;
        case State::fifo:
            return SQFS_INODE_MODE_FIFO;
        default:
            return SQFS_INODE_MODE_REG;
        }
    }

    sqfs_u64 write_directory_inode(InodeIndex index, std::uint32_t number, std::uint32_t parent_number,
                                   std::size_t subdirectories) {
        Inode described;
        described.mode = 0755;
        described.mtime = created_;
        if (index != layers::none) described = tree_.inode(index);
        const std::uint32_t xattrs = xattr_number(described);
        const std::unique_ptr<sqfs_inode_generic_t, SqfsFree> inode{
            sqfs_dir_writer_create_inode(directory_.get(), 0, xattrs, parent_number)};
        if (!inode) throw std::bad_alloc{};
        // libsquashfs counts all entries; a directory has a link for each directory in it.
        const auto links = static_cast<sqfs_u32>(subdirectories + 2);
        if (inode->base.type == SQFS_INODE_DIR)
            inode->data.dir.nlink = links;
        else
            inode->data.dir_ext.nlink = links;
        set_base(inode->base, described, SQFS_INODE_MODE_DIR, number);
        return write_inode(inode.get());
    }

    sqfs_u64 write_leaf(const Child & child) {
        const Inode & inode = tree_.inode(child.inode);
        if (inode.links <= 1) return write_leaf_inode(inode, child.number);
        Written & linked = linked_.at(child.inode);
        if (!written_links_.contains(child.inode)) {
            linked.reference = write_leaf_inode(inode, child.number);
            written_links_.insert({child.inode, true});
        }
        return linked.reference;
    }

    sqfs_u64 write_leaf_inode(const Inode & inode, std::uint32_t number) {
        switch (inode.state) {
        case State::symlink:
            return write_symlink(inode, number);
        case State::fifo:
            return write_fifo(inode, number);
        default:
            return write_file(inode, number);
        }
    }

    /** A generic inode with room for `extra_bytes` behind it, all zero. */
    sqfs_inode_generic_t & blank(std::size_t extra_bytes) {
        buffer_.assign((sizeof(sqfs_inode_generic_t) + extra_bytes + 8) / 8 + 1, 0);
        auto & inode = *reinterpret_cast<sqfs_inode_generic_t *>(buffer_.data());
        inode.payload_bytes_available = static_cast<sqfs_u32>(extra_bytes);
        inode.payload_bytes_used = static_cast<sqfs_u32>(extra_bytes);
        return inode;
    }

    sqfs_u64 write_file(const Inode & source, std::uint32_t number) {
        const FileData file = source.content == layers::none ? FileData{} : data_.file(source.content);
        sqfs_inode_generic_t & inode = blank(file.blocks * sizeof(sqfs_u32));
        for (std::uint32_t i = 0; i < file.blocks; ++i) inode.extra[i] = data_.block_size(file.first_block + i);
        inode.base.type = SQFS_INODE_EXT_FILE;
        auto & stored = inode.data.file_ext;
        stored.blocks_start = file.start;
        stored.file_size = file.size_bytes;
        stored.sparse = file.sparse_bytes;
        stored.nlink = source.links;
        stored.fragment_idx = file.fragment;
        stored.fragment_offset = file.fragment_offset;
        stored.xattr_idx = xattr_number(source);
        check_sqfs(sqfs_inode_make_basic(&inode), "write an inode"); // the short form, where that can say it all
        set_base(inode.base, source, SQFS_INODE_MODE_REG, number);
        return write_inode(&inode);
    }

    sqfs_u64 write_symlink(const Inode & source, std::uint32_t number) {
        const std::string_view target = tree_.text(source.content);
        sqfs_inode_generic_t & inode = blank(target.size());
        std::memcpy(inode.extra, target.data(), target.size());
        const std::uint32_t xattrs = xattr_number(source);
        inode.base.type = xattrs == no_xattrs ? SQFS_INODE_SLINK : SQFS_INODE_EXT_SLINK;
        inode.data.slink_ext.nlink = source.links;
        inode.data.slink_ext.target_size = static_cast<sqfs_u32>(target.size());
        if (xattrs != no_xattrs) inode.data.slink_ext.xattr_idx = xattrs;
        set_base(inode.base, source, SQFS_INODE_MODE_LNK, number);
        return write_inode(&inode);
    }

    sqfs_u64 write_fifo(const Inode & source, std::uint32_t number) {
        sqfs_inode_generic_t & inode = blank(0);
        const std::uint32_t xattrs = xattr_number(source);
        inode.base.type = xattrs == no_xattrs ? SQFS_INODE_FIFO : SQFS_INODE_EXT_FIFO;
        inode.data.ipc_ext.nlink = source.links;
        if (xattrs != no_xattrs) inode.data.ipc_ext.xattr_idx = xattrs;
        set_base(inode.base, source, SQFS_INODE_MODE_FIFO, number);
        return write_inode(&inode);
    }

    void set_base(sqfs_inode_t & base, const Inode & source, unsigned type, std::uint32_t number) {
        base.mode = static_cast<sqfs_u16>(type | source.mode);
        base.mod_time = source.mtime;
        base.inode_number = number;
        check_id(sqfs_id_table_id_to_index(ids_.get(), source.uid, &base.uid_idx));
        check_id(sqfs_id_table_id_to_index(ids_.get(), source.gid, &base.gid_idx));
    }

    static void check_id(int status) {
        if (status == SQFS_ERROR_OVERFLOW)
            throw Error{"cannot write the owners: the image has more than 65536 of them"};
        check_sqfs(status, "write the owners");
    }

    sqfs_u64 write_inode(const sqfs_inode_generic_t * inode) {
        sqfs_u64 block = 0;
        sqfs_u32 offset = 0;
        sqfs_meta_writer_get_position(inodes_.get(), &block, &offset);
        check(sqfs_meta_writer_write_inode(inodes_.get(), inode), "write an inode");
        return (block << 16U) | offset;
    }

    std::uint32_t xattr_number(const Inode & inode) {
        if (inode.xattrs == layers::none) return no_xattrs;
        std::uint32_t & number = xattr_numbers_[inode.xattrs];
        if (number == no_xattrs) {
            check_sqfs(sqfs_xattr_writer_begin(xattrs_.get(), 0), "write an extended attribute");
            for (const auto & [name, value] : *tree_.xattrs()[inode.xattrs])
                check_sqfs(sqfs_xattr_writer_add(xattrs_.get(), name.c_str(), value.data(), value.size()),
                           "write an extended attribute");
            check_sqfs(sqfs_xattr_writer_end(xattrs_.get(), &number), "write an extended attribute");
        }
        return number;
    }

    Output & output_;
    const Tree & tree_;
    const DataWriter & data_;
    std::uint32_t created_;
    SqfsPtr<sqfs_meta_writer_t> inodes_;
    SqfsPtr<sqfs_meta_writer_t> directories_;
    SqfsPtr<sqfs_dir_writer_t> directory_;
    SqfsPtr<sqfs_id_table_t> ids_;
    SqfsPtr<sqfs_xattr_writer_t> xattrs_;
    std::vector<std::uint32_t> xattr_numbers_; ///< by the tree's index
    std::unordered_map<InodeIndex, Written> linked_;
    std::unordered_map<InodeIndex, bool> written_links_;
    std::vector<std::uint64_t> buffer_;
    std::string name_;
    std::uint32_t next_number_ = 1;
    std::uint64_t paths_ = 0;
};

} // namespace

std::uint64_t write_tables(Output & output, const Tree & tree, const DataWriter & data, std::uint32_t created) {
    return TableWriter{output, tree, data, created}.write();
}

} // namespace shifter::squash
